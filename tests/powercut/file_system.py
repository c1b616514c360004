"""A file system on a loop device whose power can be cut."""

import fcntl
import os
import shutil
import struct
import subprocess
import time
from pathlib import Path

# FS_IOC_SHUTDOWN of linux/fs.h: _IOR('X', 125, __u32). The argument 2 drops the log without writing it,
# as a power cut does; nothing reaches the device from then on.
FS_IOC_SHUTDOWN = 0x8004587D
NO_LOG_FLUSH = 2

IMAGE_BYTES = {"ext4": 256 << 20, "xfs": 512 << 20}
MAKE = {"ext4": ["mkfs.ext4", "-q", "-F"], "xfs": ["mkfs.xfs", "-q", "-f"]}


def missing(kind: str) -> str | None:
    """Why this machine cannot run the test, or None if it can."""
    if os.name != "posix" or os.geteuid() != 0:
        return "it needs root"
    if not Path("/dev/loop-control").exists():
        return "there are no loop devices"
    for program in (MAKE[kind][0], "losetup", "mount", "umount"):
        if shutil.which(program, path=f"{os.environ.get('PATH', '')}:/usr/sbin:/sbin") is None:
            return f"`{program}` is not installed"
    return None


class FileSystem:
    """One file system; `with` unmounts it and removes its image, whatever happens."""

    def __init__(self, kind: str, folder: Path):
        self.image = folder / f"{kind}.img"
        self.root = folder / "mount"
        self.kind = kind
        self.mounted = False
        self.device = None

    def __enter__(self):
        self.root.mkdir(parents=True, exist_ok=True)
        with open(self.image, "wb") as image:
            image.truncate(IMAGE_BYTES[self.kind])
        run(*MAKE[self.kind], str(self.image))
        self.mount()
        return self

    def __exit__(self, *_):
        if self.mounted:
            self.unmount()
        self.image.unlink(missing_ok=True)

    def mount(self):
        self.device = run("losetup", "--find", "--show", str(self.image)).strip()
        run("mount", self.device, str(self.root))
        self.mounted = True

    def unmount(self):
        """Unmounts and gives the loop device back, so that nothing of it stays in memory."""
        for _ in range(200):
            done = subprocess.run(["umount", str(self.root)], capture_output=True, text=True)
            if done.returncode == 0:
                break
            time.sleep(0.02)
        else:
            subprocess.run(["umount", "--lazy", str(self.root)], capture_output=True)
            run("losetup", "--detach", self.device)
            raise SystemExit(f"`{self.root}` stays in use: {done.stderr.strip()}")
        self.mounted = False
        run("losetup", "--detach", self.device)
        while run("losetup", "--associated", str(self.image)):
            time.sleep(0.005)

    def cut_power(self):
        """Nothing that is not on the device now will ever be."""
        folder = os.open(self.root, os.O_RDONLY)
        try:
            fcntl.ioctl(folder, FS_IOC_SHUTDOWN, struct.pack("I", NO_LOG_FLUSH))
        finally:
            os.close(folder)


def run(*command: str) -> str:
    environment = {**os.environ, "PATH": f"{os.environ.get('PATH', '')}:/usr/sbin:/sbin"}
    done = subprocess.run(command, capture_output=True, text=True, env=environment)
    if done.returncode != 0:
        raise SystemExit(f"`{' '.join(command)}` failed: {done.stderr.strip()}")
    return done.stdout
