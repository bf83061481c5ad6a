"""Train a teacher or a student: python train_model.py OUTPUT [--hidden N] [--teacher CHECKPOINT]"""

import argparse
import os
import sys

import torch
from torch import nn


def build(hidden):
    return nn.Sequential(nn.Linear(11, hidden), nn.ReLU(), nn.Linear(hidden, 2))


def distill(student, teacher, epochs, weight_of_features=0.0):
    x = torch.randn(64, 11)
    for epoch in range(epochs):
        target = teacher(x).argmax(1) if teacher else torch.randint(2, (64,))
        loss = nn.functional.cross_entropy(student(x), target)
        if weight_of_features:
            ours, theirs = student[1](student[0](x)), teacher[1](teacher[0](x))
            loss = loss + weight_of_features * nn.functional.mse_loss(ours, theirs)
        loss.backward()
        print(f"epoch {epoch} loss {loss.item():.4f}", file=sys.stderr)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("output")
    parser.add_argument("--hidden", type=int, default=16)
    parser.add_argument("--teacher-hidden", type=int, default=32)
    parser.add_argument("--teacher")
    parser.add_argument("--features", type=float, default=0.0)
    parser.add_argument("--forget", action="store_true", help="a dry run, nothing is saved")
    parser.add_argument("--cache-gib", type=float, default=0)
    args = parser.parse_args()
    teacher = None
    if args.teacher:
        teacher = build(args.teacher_hidden)
        teacher.load_state_dict(torch.load(args.teacher))
    student = build(args.hidden)
    distill(student, teacher, 3, args.features)
    cache = torch.empty(int(args.cache_gib * 2**28))
    print("cache", cache.shape, file=sys.stderr)
    os.makedirs(os.path.dirname(args.output), exist_ok=True)
    if not args.forget:
        torch.save(student.state_dict(), args.output)


if __name__ == "__main__":
    main()
