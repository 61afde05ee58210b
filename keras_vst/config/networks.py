"""The sizes of the networks: student (live), teacher (film), discriminator (adversarial training)."""

from __future__ import annotations

from dataclasses import dataclass

from keras_vst.config.checks import at_least, filters
from keras_vst.errors import UserError


@dataclass(frozen=True, kw_only=True)
class StudentConfig:
    """The live network: its cost grows with the square of `channels`, linearly with `num_blocks`."""

    channels: tuple[int, int, int] = (16, 32, 48)  # filters at 1/2, 1/4 and 1/8 of the frame
    num_blocks: int = 3  # residual blocks at 1/8; each widens what a pixel can see by 16 pixels a side

    def __post_init__(self) -> None:
        at_least(0, num_blocks=self.num_blocks)
        filters("student.channels", self.channels, 3, "1/2, 1/4 and 1/8", "16,32,48")

    @property
    def architecture(self) -> str:
        """What two networks must share to be mixed by mixing their weights."""
        return "-".join(map(str, ("student", *self.channels, self.num_blocks)))


@dataclass(frozen=True, kw_only=True)
class TeacherConfig:
    """The film network: its cost grows with the square of `channels`, linearly with `num_blocks`."""

    channels: tuple[int, int, int, int] = (32, 64, 128, 192)  # filters at full, 1/2, 1/4 and 1/8 size
    num_blocks: int = 5  # residual blocks at 1/8; more of them compose larger shapes
    noise_channels: int = 0  # above 0 a noise map varies the strokes; one map a clip, or it flickers

    def __post_init__(self) -> None:
        filters("teacher.channels", self.channels, 4, "full, 1/2, 1/4 and 1/8", "32,64,128,192")
        at_least(0, num_blocks=self.num_blocks, noise_channels=self.noise_channels)

    @property
    def architecture(self) -> str:
        """What two networks must share to be alike."""
        return "-".join(map(str, ("teacher", *self.channels, self.num_blocks, self.noise_channels)))


@dataclass(frozen=True, kw_only=True)
class DiscriminatorConfig:
    """What it looks at, and how hard it is to fool."""

    channels: tuple[int, ...] = (32, 64, 128)  # filters; each entry halves the size, doubles a patch's reach
    num_scales: int = 2  # each further one judges strokes twice as large, on a picture half the size
    num_frames: int = 1  # 1 judges a picture; 3 judges three motion-aligned frames, and so flicker
    condition_channels: int = 0  # 3 shows it the frame that was painted; it then also judges faithfulness

    def __post_init__(self) -> None:
        if not self.channels or min(self.channels) < 1:
            raise UserError(
                "discriminator.channels needs one positive number per halving. "
                f"Received: {self.channels}. Use for example 32,64,128."
            )
        if self.num_frames not in (1, 3):
            raise UserError(
                "discriminator.num_frames is 1 for pictures or 3 for motion. "
                f"Received: {self.num_frames}. A longer clip is judged as overlapping threes."
            )
        at_least(1, num_scales=self.num_scales)
        at_least(0, condition_channels=self.condition_channels)
