"""Every compiled function: private, trusting, outputs passed in. Start reading at `frames.extract`.

Frames are worked on in groups of `LANES`, one frame a lane of a vector register, so that every stage, from taper to
cosine transform, is the same few instructions for all of them. `lanes` makes those instructions: what is a multiplication
and an addition there is one instruction or two, as written, on every processor, and a frame's arithmetic is the same in
whichever lane and group it falls. That is why streamed and whole recordings give identical bits, and a Jetson those of a PC.

Working arrays are flat, row after row of LANES values: row r begins at r * LANES.
"""
