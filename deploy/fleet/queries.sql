-- What a fleet's archive, written by `affectd collect`, has to say: views for DuckDB, over the folder that it is started in.
--
--     cd /srv/affectd && duckdb -init .../deploy/fleet/queries.sql -c 'FROM mood_by_hour'
--
-- From Python: SET file_search_path = '/srv/affectd' before this file. All times are UTC.
SET TimeZone = 'UTC';

-- As they lie there. Day and node come from the path: a node called 007 stays a text.
CREATE OR REPLACE TEMP VIEW files AS
FROM read_parquet('day=*/node=*/*.parquet', hive_partitioning = true, hive_types = {'day': DATE, 'node': VARCHAR});

-- Each message once. One that came twice is of the same day, so the work is done day by day where a day is asked for.
CREATE OR REPLACE TEMP VIEW messages AS
FROM files
QUALIFY row_number() OVER (PARTITION BY day, node, boot, seq ORDER BY received_at) = 1;

-- Mood by hour and node: how often each label was said, for how long, and how sure the model was.
CREATE OR REPLACE TEMP VIEW mood_by_hour AS
SELECT
  day, node, date_trunc('hour', said_at) AS hour, label,
  count(*) AS n_utterances,
  round(sum(duration_s), 1) AS speech_s,
  round(avg(confidence), 3) AS confidence,
  round(count(*) / sum(count(*)) OVER (PARTITION BY day, node, date_trunc('hour', said_at)), 3) AS share
FROM messages
WHERE kind = 'utterance'
GROUP BY day, node, date_trunc('hour', said_at), label
ORDER BY hour, node, n_utterances DESC, label;

-- Numbers that a node's own gap records name: what it had to drop, and why.
CREATE OR REPLACE TEMP VIEW named_gaps AS
SELECT node, boot, gap.first_seq, gap.last_seq, gap.reason
FROM (
  SELECT
    node, boot,
    unnest(from_json(body -> '$.gaps', '[{"first_seq": "BIGINT", "last_seq": "BIGINT", "reason": "VARCHAR"}]')) AS gap
  FROM messages WHERE kind = 'gap'
);

-- Gaps: numbers that are not in the archive between a node's first and last, how many of them gap records name, and why.
-- The others never came. A state that had expired before it was delivered is one of these: a mood that old is nobody's.
CREATE OR REPLACE TEMP VIEW gaps AS
WITH
  seqs AS (SELECT DISTINCT node, seq FROM files),
  holes AS (
    SELECT node, seq + 1 AS first_seq, lead(seq) OVER (PARTITION BY node ORDER BY seq) - 1 AS last_seq
    FROM seqs
    QUALIFY last_seq >= first_seq
  )
SELECT
  holes.node, holes.first_seq, holes.last_seq, holes.last_seq - holes.first_seq + 1 AS n_messages,
  coalesce(
    sum(least(named.last_seq, holes.last_seq) - greatest(named.first_seq, holes.first_seq) + 1) FILTER (named.node IS NOT NULL), 0
  )::BIGINT AS n_named,
  string_agg(DISTINCT named.reason, ', ' ORDER BY named.reason) AS why
FROM holes
LEFT JOIN (SELECT DISTINCT node, first_seq, last_seq, reason FROM named_gaps) AS named
  ON named.node = holes.node AND named.first_seq <= holes.last_seq AND named.last_seq >= holes.first_seq
GROUP BY ALL
ORDER BY ALL;

-- Latency: from the last voiced sample to the utterance, as the cabin measured it; and from there to the archive's
-- collector, by the two clocks, in which an outage counts as well.
CREATE OR REPLACE TEMP VIEW latency AS
SELECT
  day, node, count(*) AS n_utterances,
  round(quantile_cont(latency_ms, 0.50), 1) AS said_p50_ms,
  round(quantile_cont(latency_ms, 0.95), 1) AS said_p95_ms,
  round(quantile_cont(latency_ms, 0.99), 1) AS said_p99_ms,
  quantile_cont(epoch_ms(received_at) - epoch_ms(said_at), 0.50) AS collected_p50_ms,
  quantile_cont(epoch_ms(received_at) - epoch_ms(said_at), 0.99) AS collected_p99_ms
FROM messages
WHERE kind = 'utterance'
GROUP BY day, node
ORDER BY day, node;

-- Clocks: the least that lay between a message's date and its receipt. Below zero the cabin's clock is ahead; hours above
-- zero, day after day, it is behind (for one day alone it may have been out of reach).
CREATE OR REPLACE TEMP VIEW clocks AS
SELECT
  node, received_at::DATE AS received_on,
  round(min(epoch_ms(received_at) - epoch_ms(said_at)) / 3600000.0, 2) AS least_h,
  count(DISTINCT day) AS n_days
FROM files
GROUP BY ALL
ORDER BY abs(least_h) DESC, node;

-- Twins: two boots of one name whose numbers overlap and which came by turns: two cabins that share a name.
CREATE OR REPLACE TEMP VIEW twins AS
WITH boots AS (
  SELECT node, boot, min(seq) AS first_seq, max(seq) AS last_seq, min(received_at) AS began, max(received_at) AS ended
  FROM files
  GROUP BY node, boot
)
SELECT a.node, a.boot AS boot, b.boot AS other_boot, greatest(a.began, b.began) AS since
FROM boots AS a
JOIN boots AS b ON a.node = b.node AND a.boot < b.boot
WHERE a.first_seq <= b.last_seq AND b.first_seq <= a.last_seq AND a.began < b.ended AND b.began < a.ended
ORDER BY ALL;
