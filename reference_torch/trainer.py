"""Train the reference step by step; `keras_model.training.trainer` takes the same steps in Keras."""

import copy
import io
import warnings
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from finta.recipe import Recipe
from finta.steps import Evaluation, Step, point_distances
from porting.jobs.optimisers.optimiser_states import read_state
from porting.jobs.optimisers.states import OptimiserState
from porting.reference.files import read_checkpoint
from porting.reference.side import load_weights
from reference_torch.autoencoder import Autoencoder
from reference_torch.feeding import as_tensor
from reference_torch.recipe import build_loss, build_optimiser, build_scheduler, clip_gradients


class Trainer:
    """A recipe's steps on an autoencoder.

    Parameters
    ----------
    model : Autoencoder
        Trained in place, on its own device and in its own precision.
    recipe : Recipe
        With steps_per_epoch, if its schedule needs them.

    Raises
    ------
    ValueError
        If the recipe has a setting that is out of range.
    """

    suffix = ".pt"

    def __init__(self, model: Autoencoder, recipe: Recipe) -> None:
        self.model = model
        self.recipe = recipe
        self.objective = build_loss(recipe)
        self.optimiser = build_optimiser(recipe, model.parameters())
        self.scheduler = build_scheduler(recipe, self.optimiser)
        self.steps_taken = 0

    def step(self, streamlines: np.ndarray, *, with_gradients: bool = False) -> Step:
        """Take a step on a batch of streamlines, (streamline, point, coordinate) in RAS+ mm."""
        given = self._tensor(streamlines)
        self.optimiser.zero_grad()
        latent_codes = self.model.encode(given)
        losses = self._losses(given, self.model.decode(latent_codes), latent_codes)
        losses["total"].backward()
        figures = self._figures(losses, with_gradients)
        clip_gradients(self.recipe, self.model.parameters())
        self.optimiser.step()
        self.steps_taken += 1
        if self.scheduler and self.steps_taken % self._steps_between() == 0:
            self.scheduler.step()
        return figures

    def _steps_between(self) -> int:
        """Steps from one stepping of the schedule to the next."""
        return 1 if self.recipe.is_stepped_per_batch else self.recipe.count_steps_per_epoch()

    def _losses(self, streamlines: Tensor, reconstructions: Tensor, latent_codes: Tensor) -> dict[str, Tensor]:
        parts = self.objective.parts(streamlines, reconstructions, latent_codes)
        return {"total": self.objective.total(parts), **parts}

    def _figures(self, losses: Mapping[str, Tensor], with_gradients: bool) -> Step:
        group = self.optimiser.param_groups[0]
        named = self.model.named_parameters()
        gradients = {name: parameter.grad for name, parameter in named if parameter.grad is not None}
        norm = torch.stack([gradient.norm() for gradient in gradients.values()]).norm()
        return Step(
            {name: loss.item() for name, loss in losses.items()},
            float(group["lr"]),
            float(group["betas"][0] if "betas" in group else group["momentum"]),
            norm.item(),
            {name: gradient.cpu().numpy().copy() for name, gradient in gradients.items()} if with_gradients else {},
        )

    @torch.no_grad()
    def evaluate(self, streamlines: np.ndarray) -> Evaluation:
        """Reconstruct streamlines, (streamline, point, coordinate) in RAS+ mm, without learning from them."""
        given = self._tensor(streamlines)
        latent_codes = self.model.encode(given)
        reconstructed = self.model.decode(latent_codes)
        losses = {name: loss.item() for name, loss in self._losses(given, reconstructed, latent_codes).items()}
        reconstructions = reconstructed.transpose(1, 2).cpu().numpy()
        distances = point_distances(streamlines, reconstructions)
        return Evaluation(losses, distances, latent_codes.cpu().numpy(), reconstructions)

    def _tensor(self, streamlines: np.ndarray) -> Tensor:
        parameter = next(self.model.parameters())
        return as_tensor(streamlines).to(parameter.device, parameter.dtype)

    def optimiser_state(self) -> OptimiserState:
        """What the optimiser carries to the next step."""
        names = {id(parameter): name for name, parameter in self.model.named_parameters()}
        slots: dict[str, dict[str, np.ndarray]] = {}
        for parameter, held in self.optimiser.state.items():
            for slot, value in held.items():
                if isinstance(value, Tensor) and value.shape == parameter.shape and slot != "step":
                    slots.setdefault(slot, {})[names[id(parameter)]] = value.cpu().numpy()
        return OptimiserState(self.steps_taken, slots)

    def load_optimiser_state(self, state: OptimiserState) -> None:
        """Go on from what an optimiser carried, at the place of the schedule where it was.

        Raises
        ------
        ValueError
            If it is another kind of optimiser's.
        """
        wanted = {"momentum_buffer"} if "momentum" in self.optimiser.defaults else {"exp_avg", "exp_avg_sq"}
        if others := state.slots.keys() - wanted:
            raise ValueError(f"{type(self.optimiser).__name__} keeps no {', '.join(sorted(others))}")
        for name, parameter in self.model.named_parameters():
            held = {slot: torch.tensor(of[name]).to(parameter) for slot, of in state.slots.items() if name in of}
            step = {"step": torch.tensor(float(state.steps_taken))} if "exp_avg" in held else {}
            if held:
                self.optimiser.state[parameter] = step | held
        self.steps_taken = state.steps_taken
        if self.scheduler:
            with warnings.catch_warnings():  # of a schedule that steps before its optimiser, whose steps lie behind
                warnings.simplefilter("ignore", UserWarning)
                for _ in range(min(state.steps_taken, self.recipe.count_steps()) // self._steps_between()):
                    self.scheduler.step()

    def load(self, path: Path, *, with_optimiser: bool) -> int:
        """Take over a checkpoint's weights, and on demand what its optimiser carries.

        Returns
        -------
        int
            Steps that the optimiser has taken; 0 without it.

        Raises
        ------
        CheckpointError
            If it is no checkpoint of this model, or holds no optimiser's state.
        ValueError
            If the optimiser is of another kind.
        """
        checkpoint = read_checkpoint(path)
        checked = copy.deepcopy(self.model).float()
        load_weights(checked, checkpoint.state_dict)
        if with_optimiser:
            self.load_optimiser_state(read_state(checkpoint, checked))
        self.model.load_state_dict(checked.state_dict())
        return self.steps_taken

    def state(self) -> dict[str, np.ndarray]:
        """Everything that the next steps depend on: weights by name, and what ``torch.save`` makes of the rest."""
        rest = {"optimiser": self.optimiser.state_dict(), "steps_taken": self.steps_taken}
        if self.scheduler:
            rest["scheduler"] = self.scheduler.state_dict()
        torch.save(rest, written := io.BytesIO())
        weights = {f"model/{name}": tensor.cpu().numpy().copy() for name, tensor in self.model.state_dict().items()}
        return weights | {"rest": np.frombuffer(written.getvalue(), np.uint8)}

    def load_state(self, state: Mapping[str, np.ndarray]) -> None:
        """Go on from a state.

        Raises
        ------
        ValueError
            If it is another model's or optimiser's.
        """
        weights = {name[6:]: torch.from_numpy(array) for name, array in state.items() if name.startswith("model/")}
        held = self.model.state_dict()
        shapes = {name: tensor.shape for name, tensor in weights.items()}
        if "rest" not in state or shapes != {name: tensor.shape for name, tensor in held.items()}:
            raise ValueError("its tensors are not this model's")
        rest = torch.load(io.BytesIO(state["rest"].tobytes()), weights_only=True)
        self.optimiser.load_state_dict(rest["optimiser"])
        self.model.load_state_dict(weights)
        self.steps_taken = rest["steps_taken"]
        if self.scheduler:
            self.scheduler.load_state_dict(rest["scheduler"])

    def save(self, path: Path, epoch: int, lowest_loss: float) -> None:
        """Write a checkpoint in the published layout, optimiser included."""
        content = {"epoch": epoch, "state_dict": self.model.state_dict(), "lowest_loss": lowest_loss}
        beside = {"optimizer": self.optimiser.state_dict(), "steps_taken": self.steps_taken}
        torch.save(content | beside, path)


def build_trainer(
    recipe: Recipe, *, latent_size: int = 32, point_count: int = 256, precision: str = "float32"
) -> Trainer:
    """Build an autoencoder, initialised by PyTorch from the recipe's seed, and its trainer.

    Raises
    ------
    ValueError
        If a size or setting is out of range, or the precision is a mixed one, which only Keras has.
    """
    if precision not in ("float32", "float64"):
        raise ValueError(f"precision {precision}: the reference trains in float32 or float64")
    torch.manual_seed(recipe.seed)
    device = "cuda" if torch.cuda.is_available() else "cpu"
    return Trainer(Autoencoder(latent_size, point_count).to(device, getattr(torch, precision)), recipe)
