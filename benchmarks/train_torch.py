"""Peer: a torchvision fine-tune of MobileNetV2's last blocks, random weights: it is timed, not scored."""

import json
import sys

import pandas as pd
import torch
from PIL import Image
from torch.utils.data import DataLoader, Dataset
from torchvision import models, transforms

from benchmarks.child import since_start

images, rows, _, size, epochs = sys.argv[1], pd.read_csv(sys.argv[2], dtype=str), *sys.argv[3:]
positive = max(rows["class"])
to_tensor = transforms.Compose([transforms.Resize((int(size), int(size))), transforms.ToTensor()])


class Faces(Dataset):
    def __init__(self, part: str) -> None:
        self.rows = rows[rows["part"] == part].to_numpy().tolist()

    def __len__(self) -> int:
        return len(self.rows)

    def __getitem__(self, place: int) -> tuple[torch.Tensor, float]:
        name, label, _ = self.rows[place]
        return to_tensor(Image.open(f"{images}/{name}").convert("RGB")), float(label == positive)


model = models.mobilenet_v2(weights=None)
model.classifier = torch.nn.Sequential(torch.nn.Dropout(0.5), torch.nn.Linear(model.last_channel, 1))
for parameter in model.features[:15].parameters():  # Keras's last 30 layers: three blocks and the last convolution
    parameter.requires_grad = False
optimizer = torch.optim.Adam([p for p in model.parameters() if p.requires_grad], 1e-4)
loss_of, seen = torch.nn.BCEWithLogitsLoss(), []
train, validation = Faces("train"), Faces("validation")
for epoch in range(int(epochs)):
    model.train()
    for pictures, labels in DataLoader(train, 32, shuffle=True, num_workers=2):
        optimizer.zero_grad()
        loss_of(model(pictures)[:, 0], labels.float()).backward()
        optimizer.step()
    model.eval()
    with torch.no_grad():
        right = sum(((model(x)[:, 0] > 0) == (y > 0.5)).sum().item() for x, y in DataLoader(validation, 32))
    seen.append({"seconds": round(since_start(), 2), "val_accuracy": right / len(validation)})
    print(f"epoch {epoch + 1}: val_accuracy {right / len(validation):.3f}", file=sys.stderr, flush=True)
print(json.dumps({"epochs": seen, "trained": len(train), "validated": len(validation)}))
