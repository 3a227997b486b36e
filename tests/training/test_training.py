"""Losses, augmentation, export and one step of training."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from training.augment import augment, reframe
from training.data import Shards
from training.evaluate import lower_is_nearer, measure
from training.export import export, folded, mixed
from training.losses import depth_error, gradient_error, loss, normalised, ranking_error
from training.network import TorchNetwork, with_position
from training.train import Trainer, learning_rate, validation
from unflat.core.depth.builtin.network import BuiltinNetwork, network_input


@pytest.fixture(autouse=True)
def seeded() -> None:
    torch.manual_seed(0)


def maps(seed: int = 0) -> tuple[torch.Tensor, torch.Tensor]:
    """A prediction and a true inverse depth (2, 32, 48), both smooth."""
    rng = np.random.default_rng(seed)
    small = torch.from_numpy(rng.random((2, 2, 4, 6), dtype=np.float32)) + 0.1
    large = torch.nn.functional.interpolate(small, (32, 48), mode="bilinear")
    return large[:, 0], large[:, 1]


class TestLosses:
    def test_zero_at_the_truth(self) -> None:
        _, truth = maps()
        known = truth >= 0
        target = normalised(truth, known)
        assert depth_error(target, target, known) == 0
        assert gradient_error(target, target, known) == 0

    def test_unknown_pixels_only_have_to_be_behind(self) -> None:
        guess, truth = maps()
        truth[:, :10] = -1.0
        values = []
        for behind in (-100.0, -200.0, 100.0):
            other = guess.clone()
            other[:, :10] = behind
            torch.manual_seed(1)
            values.append(loss(other, truth))
        torch.testing.assert_close(values[0], values[1])
        assert values[2] > values[0] + 0.1

    def test_scale_and_shift_of_the_prediction_do_not_matter(self) -> None:
        guess, truth = maps()
        torch.manual_seed(1)
        value = loss(guess, truth)
        torch.manual_seed(1)
        torch.testing.assert_close(loss(guess * 7 - 3, truth), value, rtol=1e-3, atol=1e-4)

    def test_scale_of_the_truth_does_not_matter(self) -> None:
        guess, truth = maps()
        torch.manual_seed(1)
        value = loss(guess, truth)
        torch.manual_seed(1)
        torch.testing.assert_close(loss(guess, truth * 0.2), value, rtol=1e-3, atol=1e-4)

    def test_a_photo_without_known_pixels_counts_for_nothing(self) -> None:
        guess, truth = maps()
        truth[0] = -1.0
        guess.requires_grad_()
        value = loss(guess, truth)
        value.backward()
        assert torch.isfinite(value)
        assert torch.isfinite(guess.grad).all()

    def test_turned_over_is_worse(self) -> None:
        _, truth = maps()
        assert loss(truth, truth) < loss(-truth, truth)
        target = normalised(truth, truth >= 0)
        assert ranking_error(target, target, truth) < ranking_error(-target, target, truth)


class TestAugment:
    def test_photo_and_depth_stay_together(self) -> None:
        """Depth that equals the red channel still does after any mirror, crop and turn."""
        photo = torch.rand(8, 3, 6, 8)
        photo = torch.nn.functional.interpolate(photo, (48, 64), mode="bilinear")
        photo, inverse = reframe(photo, photo[:, 0], 24, 32)
        torch.testing.assert_close(photo[:, 0], inverse)

    def test_unknown_stays_unknown(self) -> None:
        inverse = torch.full((4, 48, 64), 0.5)
        inverse[:, :, :30] = -1.0
        _, turned = reframe(torch.rand(4, 3, 48, 64), inverse, 24, 32)
        assert ((turned == -1) | ((turned - 0.5).abs() < 1e-5)).all()

    def test_result_is_a_photo(self) -> None:
        photo, inverse = augment(torch.rand(9, 3, 48, 64), torch.rand(9, 48, 64), 24, 32)
        assert photo.shape == (9, 3, 24, 32)
        assert inverse.shape == (9, 24, 32)
        assert photo.min() >= 0
        assert photo.max() <= 1


class TestTraining:
    def test_steps_lower_the_loss(self) -> None:
        trainer = Trainer(1e-3)
        trainer.network.train()
        _, truth = maps()
        photo = truth[:, None].expand(-1, 3, -1, -1).contiguous()
        values = [trainer.update(photo, truth, 1e-3) for _ in range(8)]
        assert min(values[4:]) < values[0]

    def test_checkpoint_goes_on(self, tmp_path: Path) -> None:
        trainer = Trainer(1e-3)
        _, truth = maps()
        trainer.update(truth[:, None].repeat(1, 3, 1, 1), truth, 1e-3)
        trainer.save(tmp_path / "last.pt")
        again = Trainer(1e-3)
        again.load(tmp_path / "last.pt", weights_only=False)
        assert again.step == 1
        for name, tensor in trainer.network.state_dict().items():
            torch.testing.assert_close(again.network.state_dict()[name], tensor)

    def test_validation_leaves_the_dice_alone(self, tmp_path: Path) -> None:
        np.save(tmp_path / "0_96x64_rgb.npy", np.zeros((3, 64, 96, 3), np.uint8))
        np.save(tmp_path / "0_96x64_inverse.npy", np.ones((3, 64, 96), np.float16))
        network = TorchNetwork()
        torch.manual_seed(5)
        expected = torch.rand(3)
        torch.manual_seed(5)
        first = validation(network, Shards(tmp_path), 0.5, batches=1)
        torch.testing.assert_close(torch.rand(3), expected)
        assert validation(network, Shards(tmp_path), 0.5, batches=1) == first

    def test_learning_rate(self) -> None:
        assert learning_rate(1.0, 0, 0.0) < 0.01
        assert learning_rate(1.0, 5000, 0.0) == 1.0
        assert learning_rate(1.0, 5000, 1.0) == pytest.approx(0.01)


class TestExport:
    def test_training_can_go_on_from_exported_weights(self) -> None:
        """Batch statistics differ from photo to photo, so in training mode only nearly."""
        photos = torch.rand(8, 3, 12, 16)
        photos = torch.nn.functional.interpolate(photos, (96, 128), mode="bilinear")
        first, second = TorchNetwork(), TorchNetwork()
        with torch.no_grad():
            first(with_position(photos))
        tensors = folded(first, np.float32)
        del tensors["down5.1b.weight"]  # a block that the exported network did not have yet
        second.adopt(tensors, with_position(photos))
        before, after = folded(first, np.float32), folded(second, np.float32)
        assert (after.pop("down5.1b.weight") == 0).all()
        for name, tensor in after.items():
            if name != "down5.1b.bias":
                np.testing.assert_allclose(tensor, before[name], atol=1e-4)
        with torch.no_grad():
            exact = second.eval()(with_position(photos))
            near = second.train()(with_position(photos))
        assert float((exact - near).abs().mean() / exact.std()) < 0.05

    def test_folded_numpy_network_equals_torch(self) -> None:
        network = TorchNetwork()
        with torch.no_grad():  # a few steps so that the normalisation has something to fold
            for _ in range(3):
                network(with_position(torch.rand(4, 3, 64, 96)))
        network.eval()
        rgb = torch.rand(1, 3, 64, 96)
        with torch.no_grad():
            theirs = network(with_position(rgb))[0].numpy()
        image = network_input(rgb[0].permute(1, 2, 0).numpy(), 96, 64)
        ours = BuiltinNetwork(folded(network, np.float32)).run(image)
        scale = np.abs(theirs).max()
        np.testing.assert_allclose(ours / scale, theirs / scale, atol=1e-4)

    def test_written_file_loads(self, tmp_path: Path) -> None:
        Trainer(1e-3).save(tmp_path / "last.pt")
        export(tmp_path / "last.pt", tmp_path / "weights.npz")
        written = BuiltinNetwork.load(tmp_path / "weights.npz")
        assert np.isfinite(written.predict(np.zeros((64, 96, 3), np.float32))).all()

    def test_mixed_with_older_weights(self, tmp_path: Path) -> None:
        tensors = folded(TorchNetwork())
        older = {name: tensor * 3 for name, tensor in tensors.items() if "down5.1" not in name}
        np.savez(tmp_path / "older.npz", **older)
        result = mixed(tensors, tmp_path / "older.npz", 0.25)
        for name, tensor in tensors.items():
            factor = 1.5 if name in older else 1.0
            assert result[name].dtype == tensor.dtype
            np.testing.assert_allclose(result[name], factor * tensor, rtol=2e-3, atol=1e-6)


class TestData:
    def test_batches_have_one_size(self, tmp_path: Path) -> None:
        for shard, (height, width) in ((0, (6, 8)), (1, (8, 6))):
            stem = f"{shard:05d}_{width}x{height}"
            np.save(tmp_path / f"{stem}_rgb.npy", np.zeros((3, height, width, 3), np.uint8))
            np.save(tmp_path / f"{stem}_inverse.npy", np.ones((3, height, width), np.float16))
        shards, rng = Shards(tmp_path), np.random.default_rng(0)
        assert len(shards) == 6
        shapes = {tuple(shards.batch(rng, 5)[0].shape) for _ in range(20)}
        assert shapes == {(5, 3, 6, 8), (5, 3, 8, 6)}


class TestEvaluate:
    def test_perfect_up_to_scale_and_shift(self) -> None:
        truth = np.random.default_rng(0).uniform(0.1, 2, (20, 30))
        values = measure(truth * 3 - 5, truth, np.random.default_rng(0))
        np.testing.assert_allclose(values, [0, 1, 0], atol=1e-9)

    def test_turned_over(self) -> None:
        truth = np.random.default_rng(0).uniform(0.1, 2, (20, 30))
        assert measure(-truth, truth, np.random.default_rng(0))[2] == 1.0

    def test_lower_is_nearer_on_a_floor(self) -> None:
        truth = np.linspace(0.01, 1, 40)[:, None].repeat(30, axis=1)
        guess = lower_is_nearer(np.zeros((40, 30, 3)))
        assert measure(guess, truth, np.random.default_rng(0))[2] == 0.0
