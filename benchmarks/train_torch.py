"""Peer: a torchvision fine-tune of MobileNetV2's last blocks, random weights: it is timed, not scored."""

import json
import sys
import time

import pandas as pd
import torch
from PIL import Image
from torch.utils.data import DataLoader, Dataset
from torchvision import models, transforms

images, rows, _, size, epochs = sys.argv[1], pd.read_csv(sys.argv[2], dtype=str), *sys.argv[3:]
began = time.perf_counter()
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
for _ in range(int(epochs)):
    model.train()
    for pictures, labels in DataLoader(Faces("train"), 32, shuffle=True, num_workers=2):
        optimizer.zero_grad()
        loss_of(model(pictures)[:, 0], labels.float()).backward()
        optimizer.step()
    model.eval()
    with torch.no_grad():
        right = sum(((model(x)[:, 0] > 0) == (y > 0.5)).sum().item() for x, y in DataLoader(Faces("validation"), 32))
    seen.append({"seconds": round(time.perf_counter() - began, 2), "val_accuracy": right / len(Faces("validation"))})
print(json.dumps({"epochs": seen}))
