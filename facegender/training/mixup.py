"""Mixup of the tuned part's input: every row is blended with another one of its batch.

In features mode the input is a hidden layer's output, so this is manifold mixup (Verma et al. 2019) at one layer. In
online mode the input is the picture, so this is mixup (Zhang et al. 2018).
"""

import numpy as np

from facegender.training.batches import Batch, Batches


class MixedBatches:
    """The batches of one epoch, blended.

    For every row a share is drawn from Beta(alpha, alpha), and a partner. Both depend on seed, epoch and batch alone:
    a resumed training draws the same.
    """

    def __init__(self, source: Batches, alpha: float, seed: int, epoch: int) -> None:
        self.source, self.alpha, self.key = source, alpha, (seed, 2, epoch)
        self.workers = source.workers

    def __len__(self) -> int:
        return len(self.source)

    def __getitem__(self, batch: int) -> Batch:
        rng = np.random.default_rng((*self.key, batch))
        inputs, labels, weights = self.source[batch]
        share = rng.beta(self.alpha, self.alpha, len(labels)).astype(np.float32)
        return blend((inputs, labels, weights), share, rng.permutation(len(labels)))


def blend(batch: Batch, share: np.ndarray, partner: np.ndarray) -> Batch:
    """Blend each row i with row partner[i]: share[i] of itself, the rest of its partner.

    The loss of a blend is the sum of both labels' losses, each times its row's weight and share. Cross-entropy is
    linear in the label. So the labels' mean, weighted by these products, gives the same loss with their sum as weight.

    Parameters
    ----------
    batch
        Inputs (b, ...), labels float32 (b, 1), weights float32 (b,).
    share
        float32 (b,), 0 to 1.
    partner
        int64 (b,), a permutation.

    Returns
    -------
    Inputs float32, labels and weights of the same shapes.
    """
    inputs, labels, weights = batch
    across = share.reshape(-1, *[1] * (inputs.ndim - 1))
    mixed = inputs * across + inputs[partner] * (1 - across)
    own, other = share * weights, (1 - share) * weights[partner]
    total = own + other
    label = (own * labels[:, 0] + other * labels[partner, 0]) / total
    return mixed.astype(np.float32, copy=False), label[:, None], total
