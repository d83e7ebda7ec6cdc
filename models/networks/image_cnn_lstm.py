"""CNN-LSTM over an image of the spectrogram (paper 2, P. Zheng and others, figures 7 and 8 and the listing).

| layer | kernel | stride | output |
|---|---|---|---|
| image: power in dB of the window, jet, resized (`jet_image.py`) | | | (3, 224, 224) |
| convolution, padded, ReLU | 5x5 | 1 | (8, 224, 224) |
| max-pool | 3x3 | 2 | (8, 111, 111) |
| convolution, not padded, ReLU | 3x3 | 1 | (16, 109, 109) |
| max-pool | 3x3 | 2 | (16, 54, 54) |
| convolution, padded, ReLU | 3x3 | 1 | (8, 54, 54) |
| max-pool | 3x3 | 2 | (8, 26, 26) |
| flatten | | | 5,408 |
| LSTM | | | 200 |
| LSTM | | | 50 |
| dense (softmax outside) | | | labels |

The front end is MATLAB's `spectrogram(x, hann(256), 128, 512)`: no pre-emphasis, Hann, frames of 256 samples every 128,
an FFT of 512. The listing's second argument of two pools, a lone 8, is a slip that MATLAB would refuse: left out, as in
the authors' own file. Flattened before it is fed to the LSTM, an image is a sequence of one step, contrary to the text's
"temporal patterns": built as listed, so the recurrent kernels and the forget gates, though counted, never learn.
MATLAB's input layer subtracts the mean image of the training part and leaves the scale of 0..255; here each image loses
its own mean colour, so that a file needs nothing but the window. At that scale most gates of the first LSTM start
saturated, in MATLAB as here, and neither SGD nor Adam moves them: `ImageCNNLSTMScaled` is the same network fed a 128th
of that. Initialisation: MATLAB's defaults, which are Keras' (`as_keras.py`).
"""

from __future__ import annotations

from torch import Tensor, nn

from models.networks.as_keras import KerasLSTM, initialise
from models.networks.jet_image import JetImage
from models.networks.network import Network

N_FLAT = 8 * 26 * 26


class ImageCNNLSTM(Network):
    """Input power_db (batch, window_frames, n_bins), logits (batch, n_labels)."""

    inputs = ("power_db",)
    pixel_scale = 1.0

    def __init__(self, window_frames: int, n_bins: int, n_labels: int) -> None:
        super().__init__()
        self.image = JetImage(window_frames, n_bins)
        self.convolutions = nn.Sequential(
            *_block(3, 8, kernel=5, padding=2), *_block(8, 16, kernel=3, padding=0), *_block(16, 8, kernel=3, padding=1)
        )
        self.lstm_1 = KerasLSTM(N_FLAT, 200)
        self.lstm_2 = KerasLSTM(200, 50)
        self.dense = nn.Linear(50, n_labels)
        initialise(self)

    def forward(self, power_db: Tensor) -> Tensor:
        """Logits of each window; shapes as above."""
        image: Tensor = self.image(power_db)
        features: Tensor = self.convolutions(self.pixel_scale * (image - image.mean(dim=(2, 3), keepdim=True)))
        one_step = features.flatten(1).unsqueeze(1)
        logits: Tensor = self.dense(self.lstm_2.last(self.lstm_1(one_step)[0]))
        return logits


class ImageCNNLSTMScaled(ImageCNNLSTM):
    """The same, its colours within -2..2 of their mean."""

    pixel_scale = 1.0 / 128.0


def _block(n_in: int, n_out: int, kernel: int, padding: int) -> tuple[nn.Module, ...]:
    # the pool before the ReLU: the same values from fewer comparisons
    return nn.Conv2d(n_in, n_out, kernel, padding=padding), nn.MaxPool2d(3, stride=2), nn.ReLU()
