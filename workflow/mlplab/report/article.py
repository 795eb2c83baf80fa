"""The article's items in words, and the section of the page that shows each (docs/article.md)."""

# Code → what it is, and the key of the section, "" where only tests show it.
ITEMS = {
    "A1": ("range and gradient", "activations"),
    "A2": ("ReLU and its gradient", "activations"),
    "A3": ("ReLU and its gradient", "activations"),
    "A4": ("sigmoid and its gradient", "activations"),
    "A5": ("sigmoid and its gradient", "activations"),
    "A6": ("tanh and its gradient", "activations"),
    "A7": ("tanh and its gradient", "activations"),
    "A8": ("what is claimed of them", "inside"),
    "B1": ("the data, batches, order", "setup"),
    "B2": ("class names", "setup"),
    "B3": ("parameters", "setup"),
    "B4": ("the activation by hand", "activations"),
    "B5": ("the network by hand", ""),
    "B6": ("cross-entropy", ""),
    "B7": ("accuracy", ""),
    "B8": ("one epoch, either updater", ""),
    "B9": ("accuracy without gradients", ""),
    "B10": ("the training run, watched", "training"),
    "B11": ("sanity bounds", "findings"),
    "B12": ("predictions", "predictions"),
    "C1": ("`nn.Sequential`", ""),
    "C2": ("initialisation, and the article's error on biases", "findings"),
    "C3": ("`torch.optim.SGD`, the same run", "training"),
}


def in_words(item: str) -> str:
    """An item in words; "" for one that the article does not have."""
    return (
        ITEMS.get(item, ("", ""))[0]
        .replace("`", "")
        .replace("'", "\N{RIGHT SINGLE QUOTATION MARK}")
    )


def listing() -> list[tuple[str, str, str]]:
    """Every item by code, in words, with the key of its section."""
    return [(item, in_words(item), section) for item, (_, section) in ITEMS.items()]
