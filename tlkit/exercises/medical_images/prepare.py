"""Exercise 06.prepare: grey pictures as pretrained weights expect them."""

import numpy as np
import torch

from tlkit.exercises.record import Case, Exercise, Misconception

IMAGENET = [0.485, 0.456, 0.406], [0.229, 0.224, 0.225]


def _cases(rng: np.random.Generator) -> list[Case]:
    def pictures(*shape):
        return torch.tensor(rng.integers(0, 256, shape), dtype=torch.uint8)

    def statistics(channels):
        return [np.round(rng.uniform(low, high, channels), 3).tolist() for low, high in ((0.2, 0.6), (0.1, 0.4))]

    height, width = (int(side) for side in rng.permutation([4, 5, 6])[:2])
    return [
        Case("three channels", "one small picture, ImageNet's numbers", ((pictures(1, 1, 2), *IMAGENET),)),
        Case("three channels", "two pictures, ImageNet's numbers", ((pictures(2, height, width), *IMAGENET),)),
        Case("three channels", "other weights, other numbers", ((pictures(2, height, width), *statistics(3)),)),
        Case("one channel", "weights that read grey", ((pictures(3, height, width), *statistics(1)),)),
        Case("one channel", "a single pixel", ((pictures(1, 1, 1), *statistics(1)),)),
        Case("pictures of one tone", "black and white", ((torch.tensor([[[0, 0]], [[255, 255]]], dtype=torch.uint8), *IMAGENET),)),
        Case("pictures of one tone", "all pixels grey", ((torch.full((1, 2, 3), 40, dtype=torch.uint8), *statistics(3)),)),
    ]


def _scaled(scale=255.0, centre=True, divide=True, power=1.0, swap=False, flip=False, last=False, single=False):
    def answer(images, mean, std):
        mean, std = (std, mean) if swap else (mean, std)
        mean, std = (mean[::-1], std[::-1]) if flip else (mean, std)
        mean, std = (torch.tensor(values)[:, None, None] for values in (mean, std))
        shares = (images.float() / scale)[:, None].expand(-1, len(mean), -1, -1)
        result = ((shares - mean) if centre else shares) / (std**power if divide else 1.0)
        result = result[:, :1] if single else result
        return result.permute(0, 2, 3, 1) if last else result

    return answer


def _own_statistics(each):
    def answer(images, mean, std):
        shares = (images.float() / 255)[:, None].expand(-1, len(mean), -1, -1)
        over = (1, 2, 3) if each else (0, 1, 2, 3)
        return (shares - shares.mean(over, keepdim=True)) / shares.std(over, keepdim=True, correction=0).clamp(min=1e-6)

    return answer


def _own_plainly(images, mean, std):
    shares = images.float() / 255
    return ((shares - shares.mean()) / shares.std())[:, None].expand(-1, len(mean), -1, -1)


def _divided_first(images, mean, std):
    mean, std = (torch.tensor(values)[:, None, None] for values in (mean, std))
    return (images.float() / 255)[:, None].expand(-1, len(mean), -1, -1) / std - mean


def _stretched(images, mean, std):
    low, high = images.min(), images.max()
    shares = (images.float() - low) / max(float(high) - float(low), 1.0)
    mean, std = (torch.tensor(values)[:, None, None] for values in (mean, std))
    return (shares[:, None].expand(-1, len(mean), -1, -1) - mean) / std


def _whole_numbers(images, mean, std):
    mean, std = (torch.tensor(values)[:, None, None] for values in (mean, std))
    return ((images // 255).float()[:, None].expand(-1, len(mean), -1, -1) - mean) / std


PREPARE = Exercise(
    id="06.prepare",
    title="the backbone's own normalisation",
    name="prepare",
    parameters=("images", "mean", "std"),
    points=2,
    minutes=8,
    difficulty="easy",
    reference="tlkit.scans:prepared",
    cases=_cases,
    rtol=1e-5,
    atol=1e-6,
    shrinks=False,
    hint="Bring the pixels to the scale from 0 to 1 first, give every channel the same picture, then use that channel's two numbers.",
    shortcuts=("torchvision.transforms.functional:normalize", "torchvision.transforms.v2.functional:normalize"),
    misconceptions=(
        Misconception("pixels from 0 to 255 are normalised", "The formula is right, but mean and std are on the scale from 0 to 1.",
                      "On which scale are 0.485 and 0.229?", _scaled(scale=1.0)),
        Misconception("divided by 256", "There are 256 tones, but the largest is 255, and white must become 1.", "What becomes of a white pixel?", _scaled(scale=256.0)),
        Misconception("scaled, not normalised", "Numbers from 0 to 1 look ready, but the weights have never seen such numbers.",
                      "What are mean and std for?", _scaled(centre=False, divide=False)),
        Misconception("the mean is not taken off", "Division alone changes the scale and leaves the centre.", "What should a pixel equal to the mean become?",
                      _scaled(centre=False)),
        Misconception("not divided by std", "Centred pictures look normalised.", "How widely should the pixels spread afterwards?", _scaled(divide=False)),
        Misconception("divided by the variance", "Variance and standard deviation are a square root apart; what is given is std.",
                      "Is what you divide by squared?", _scaled(power=2.0)),
        Misconception("std and mean are swapped", "Two lists of numbers of a similar size.", "Which of the two is subtracted?", _scaled(swap=True)),
        Misconception("divided before the mean is taken off", "Both steps are there, in the wrong order.", "What should a pixel equal to the mean become?",
                      _divided_first),
        Misconception("normalised with the batch's own mean and std", "That is how data is often standardised; but the frozen first layer was trained on pictures that "
                      "were normalised with other numbers, and the same scan would change with its batch.", "Whose mean and std are given?", _own_statistics(False)),
        Misconception("the batch's own mean and std, as torch gives them", "That is how data is often standardised; but the frozen first layer was trained on pictures that "
                      "were normalised with other numbers, the same scan would change with its batch, and a batch of one tone has a std of 0.",
                      "Whose mean and std are given?", _own_plainly),
        Misconception("each picture by its own mean and std", "It makes all scans equally bright, and removes what the brightness says.",
                      "Whose mean and std are given?", _own_statistics(True)),
        Misconception("contrast stretched to the full range", "It is what a viewer does to show a scan well; the weights expect 255 to be white.",
                      "By what should pixels be divided, whatever the picture holds?", _stretched),
        Misconception("divided as whole numbers", "uint8 has no fractions: // leaves 0 for all but white.", "Which type do the pixels have when you divide?",
                      _whole_numbers),
        Misconception("channels from last to first", "Some libraries store blue first; the statistics here come in the order of the channels.",
                      "Which channel is the first number for?", _scaled(flip=True)),
        Misconception("channels behind the pixels", "Pictures in files are (H, W, C); torch's convolutions take (B, C, H, W).",
                      "Where does a convolution look for the channels?", _scaled(last=True)),
        Misconception("a single channel", "A grey picture has one, but the first layer was trained on as many as there are means.",
                      "How many channels does the first layer expect?", _scaled(single=True)),
    ),
)
