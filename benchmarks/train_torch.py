"""Peer: torchvision fine-tunes MobileNetV2's last blocks from random weights, so only its time counts."""

import json
import sys

import pandas as pd
import torch
from PIL import Image
from torch.utils.data import DataLoader, Dataset
from torchvision import models, transforms

from benchmarks.child import seconds_since_start

images, rows, _, size, epochs = sys.argv[1], pd.read_csv(sys.argv[2], dtype=str), *sys.argv[3:]
positive = max(rows["class"])
to_tensor = transforms.Compose([transforms.Resize((int(size), int(size))), transforms.ToTensor()])


class Faces(Dataset):
    """The images and labels of one split."""

    def __init__(self, split: str) -> None:
        self.rows = rows[rows["split"] == split].to_numpy().tolist()

    def __len__(self) -> int:
        return len(self.rows)

    def __getitem__(self, place: int) -> tuple[torch.Tensor, float]:
        name, label, _ = self.rows[place]
        return to_tensor(Image.open(f"{images}/{name}").convert("RGB")), float(label == positive)


model = models.mobilenet_v2(weights=None)
model.classifier = torch.nn.Sequential(torch.nn.Dropout(0.5), torch.nn.Linear(model.last_channel, 1))
# The rest corresponds to Keras's last 30 layers: three blocks and the last convolution.
for parameter in model.features[:15].parameters():
    parameter.requires_grad = False
optimizer = torch.optim.Adam([p for p in model.parameters() if p.requires_grad], 1e-4)
compute_loss, epoch_rows = torch.nn.BCEWithLogitsLoss(), []
train, validation = Faces("train"), Faces("validation")
for epoch in range(int(epochs)):
    model.train()
    for pictures, labels in DataLoader(train, 32, shuffle=True, num_workers=2):
        optimizer.zero_grad()
        compute_loss(model(pictures)[:, 0], labels.float()).backward()
        optimizer.step()
    model.eval()
    with torch.no_grad():
        right = sum(((model(x)[:, 0] > 0) == (y > 0.5)).sum().item() for x, y in DataLoader(validation, 32))
    epoch_rows.append({"seconds": round(seconds_since_start(), 2), "val_accuracy": right / len(validation)})
    print(f"epoch {epoch + 1}: val_accuracy {right / len(validation):.3f}", file=sys.stderr, flush=True)
print(json.dumps({"epochs": epoch_rows, "trained": len(train), "validated": len(validation)}))
