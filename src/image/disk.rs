//! A disk with one partition that firmware boots from: a table as the MBR has it, and a FAT file system.
//!
//! An MBR and no GPT: UEFI reads both (2.10, 5.2), and a GPT has a copy at the end of the disk, where it does not lie when an
//! image is written to a stick that is larger. Nothing in it tells of a clock: FAT has local times of no zone, and
//! all are its first.

use std::fmt;
use std::io;
use std::io::Read;
use std::io::Seek;
use std::io::SeekFrom;
use std::io::Write;

use fatfs::Date;
use fatfs::DateTime;
use fatfs::Dir;
use fatfs::FileSystem;
use fatfs::FormatVolumeOptions;
use fatfs::FsOptions;
use fatfs::Time;
use fatfs::TimeProvider;

use crate::digest::Sha256;
use crate::image::Error;
use crate::tree;
use crate::tree::Kind;
use crate::tree::Tree;

/// Bytes of a sector.
const SECTOR: u64 = 512;
/// Where the partition begins, as every program that makes tables has it.
const START: u64 = 1 << 20;
/// The size is a number of these.
const UNIT: u64 = 1 << 20;
/// Beside the files: tables, and room for who edits one of them.
const ROOM: u64 = 8 << 20;
/// No cluster is larger on a disk of the sizes that are made here.
const CLUSTER: u64 = 32 << 10;
/// The longest: larger ones have clusters of another size, and no initramfs is so large.
const SIZE_MAX: u64 = 2 << 30;
/// The partition's kind: an EFI system partition (UEFI 2.10, 5.2.2).
const EFI_SYSTEM: u8 = 0xef;
/// A sector's address on a disk with heads that is not to be looked at.
const NO_HEADS: [u8; 3] = [0xfe, 0xff, 0xff];

/// What a disk is written to: its tables are changed as files are added.
pub trait Disk: Read + Write + Seek {}

impl<D: Read + Write + Seek> Disk for D {}

/// Writes the files and directories of a tree as a disk whose first partition has them. Owners, modes and times are not
/// kept: FAT has none.
///
/// # Errors
/// The tree has something that FAT cannot hold, such as a link, or more than 2 GiB; a file's bytes; or the disk.
pub fn write(tree: &Tree, disk: &mut dyn Disk) -> Result<(), Error> {
    let sizes = tree
        .iter()
        .map(|(_, _, inode)| inode.content().map_or(CLUSTER, |content| content.size().next_multiple_of(CLUSTER)));
    let size = (sizes.sum::<u64>() + ROOM).next_multiple_of(UNIT);
    let failed = |source| Error::Write { format: FORMAT, source };
    if size > SIZE_MAX {
        return Err(failed(io::Error::other(format!("its files need {size} bytes, and it may have {SIZE_MAX}"))));
    }
    // Two disks with the same files are the same disk.
    let digest = Sha256::of(tree::dump(tree).as_bytes());
    let id = u32::from_be_bytes(*digest.as_bytes().first_chunk().expect("a digest has more"));
    let sectors = u32::try_from(size / SECTOR).expect("it was just bounded");
    table(disk, id, sectors).map_err(failed)?;
    let mut partition = Partition { disk, at: 0, size };
    let options = FormatVolumeOptions::new().total_sectors(sectors).volume_id(id).volume_label(*b"IMGBUILD   ");
    fatfs::format_volume(&mut partition, options).map_err(failed)?;
    let options = FsOptions::new().time_provider(&FirstDay).update_accessed_date(false);
    let volume = FileSystem::new(&mut partition, options).map_err(failed)?;
    fill(&volume.root_dir(), tree)?;
    volume.unmount().map_err(failed)?;
    partition.flush().map_err(failed)
}

/// As errors call it.
const FORMAT: &str = "disk";

fn fill<D: Disk>(root: &Dir<'_, D>, tree: &Tree) -> Result<(), Error> {
    for (path, _, inode) in tree.iter().filter(|(path, ..)| !path.is_root()) {
        let refused =
            |reason: &str| Error::Unsupported { format: FORMAT, path: path.clone(), reason: reason.to_owned() };
        let name = std::str::from_utf8(path.as_bytes()).map_err(|_| refused("its name is no text"))?;
        let failed = |source| Error::Write { format: FORMAT, source };
        match &inode.kind {
            Kind::Directory => drop(root.create_dir(name).map_err(failed)?),
            Kind::File(content) => {
                let mut file = root.create_file(name).map_err(failed)?;
                // Bytes that were there before would stay behind the end, where names are told apart by case alone.
                if file.seek(SeekFrom::End(0)).map_err(failed)? != 0 {
                    return Err(refused("another file has this name in other letters"));
                }
                io::copy(&mut content.reader(), &mut file).map_err(failed)?;
                file.flush().map_err(failed)?;
            }
            _ => return Err(refused("FAT has files and directories alone")),
        }
    }
    Ok(())
}

/// Writes the table of partitions and makes the disk as long as it says.
fn table(disk: &mut dyn Disk, id: u32, sectors: u32) -> io::Result<()> {
    let mut table = [0; SECTOR as usize];
    table[440..444].copy_from_slice(&id.to_le_bytes());
    let start = u32::try_from(START / SECTOR).expect("a small number");
    let heads = [NO_HEADS, NO_HEADS];
    table[447..450].copy_from_slice(&heads[0]);
    table[450] = EFI_SYSTEM;
    table[451..454].copy_from_slice(&heads[1]);
    table[454..458].copy_from_slice(&start.to_le_bytes());
    table[458..462].copy_from_slice(&sectors.to_le_bytes());
    table[510..].copy_from_slice(&[0x55, 0xaa]);
    disk.seek(SeekFrom::Start(0))?;
    disk.write_all(&table)?;
    disk.seek(SeekFrom::Start(START + u64::from(sectors) * SECTOR - 1))?;
    disk.write_all(&[0])
}

/// The part of a disk behind [`START`].
struct Partition<'a> {
    disk: &'a mut dyn Disk,
    at: u64,
    size: u64,
}

impl Partition<'_> {
    /// So much of a buffer lies within.
    fn within(&mut self, wanted: usize) -> io::Result<usize> {
        self.disk.seek(SeekFrom::Start(START + self.at))?;
        Ok(usize::try_from(self.size - self.at).unwrap_or(usize::MAX).min(wanted))
    }
}

impl Read for Partition<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let length = self.within(buffer.len())?;
        let read = self.disk.read(&mut buffer[..length])?;
        self.at += read as u64;
        Ok(read)
    }
}

impl Write for Partition<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let length = self.within(bytes.len())?;
        let written = self.disk.write(&bytes[..length])?;
        self.at += written as u64;
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.disk.flush()
    }
}

impl Seek for Partition<'_> {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        let at = match to {
            SeekFrom::Start(at) => Some(at),
            SeekFrom::Current(by) => self.at.checked_add_signed(by),
            SeekFrom::End(by) => self.size.checked_add_signed(by),
        };
        let at = at.filter(|at| *at <= self.size);
        self.at = at.ok_or_else(|| io::Error::new(io::ErrorKind::InvalidInput, "outside of the partition"))?;
        Ok(self.at)
    }
}

impl fmt::Debug for Partition<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Partition").field("at", &self.at).field("size", &self.size).finish_non_exhaustive()
    }
}

/// The time of all files: FAT's first.
#[derive(Debug)]
struct FirstDay;

impl TimeProvider for FirstDay {
    fn get_current_date(&self) -> Date {
        Date { year: 1980, month: 1, day: 1 }
    }

    fn get_current_date_time(&self) -> DateTime {
        DateTime { date: self.get_current_date(), time: Time { hour: 0, min: 0, sec: 0, millis: 0 } }
    }
}

#[cfg(test)]
mod tests {
    use std::io::Cursor;

    use super::*;

    fn sample() -> Tree {
        let mut tree = Tree::new();
        tree.write("EFI/BOOT/BOOTX64.EFI", 0o644, vec![1; 900_000]).expect("new");
        tree.write("EFI/debian/grub.cfg", 0o644, "set timeout=3\n").expect("new");
        tree.write("imgbuild/initrd.img", 0o644, vec![7; 3 << 20]).expect("new");
        for number in 0..40 {
            tree.write(format!("imgbuild/a rather long name {number}"), 0o644, number.to_string()).expect("new");
        }
        tree.write("node.cfg", 0o644, "").expect("new");
        tree
    }

    fn written(tree: &Tree) -> Vec<u8> {
        let mut disk = Cursor::new(Vec::new());
        write(tree, &mut disk).expect("it fits");
        disk.into_inner()
    }

    #[test]
    fn the_table_leads_to_the_files() {
        let mut disk = written(&sample());
        assert_eq!((&disk[510..512], disk[450]), (&[0x55, 0xaa][..], 0xef));
        let number = |at: usize| u64::from(u32::from_le_bytes(*disk[at..].first_chunk().expect("there")));
        let (start, sectors) = (number(454), number(458));
        assert_eq!((start * SECTOR, (start + sectors) * SECTOR), (START, disk.len() as u64));
        let volume = Cursor::new(disk.split_off(START as usize));
        let volume = FileSystem::new(volume, FsOptions::new()).expect("a FAT file system");
        assert!(!volume.read_status_flags().expect("read").dirty());
        let root = volume.root_dir();
        for (path, _, inode) in sample().iter().filter(|(_, _, inode)| inode.content().is_some()) {
            let name = std::str::from_utf8(path.as_bytes()).expect("plain text");
            let (mut file, mut bytes) = (root.open_file(name).expect("there"), Vec::new());
            file.read_to_end(&mut bytes).expect("read");
            assert_eq!(Sha256::of(&bytes), *inode.content().expect("a file").sha256(), "{path}");
        }
        let names: Vec<String> = root.iter().map(|entry| entry.expect("read").file_name()).collect();
        assert_eq!(names, ["EFI", "imgbuild", "node.cfg"]);
        let times = root.iter().map(|entry| entry.expect("read")).map(|entry| (entry.created(), entry.modified()));
        let first = FirstDay.get_current_date_time();
        assert!(times.into_iter().all(|(created, modified)| (created, modified) == (first, first)));
    }

    #[test]
    fn the_same_files_are_the_same_disk() {
        let disk = written(&sample());
        assert_eq!(Sha256::of(&disk), Sha256::of(&written(&sample())));
        let mut other = sample();
        other.write("node.cfg", 0o644, "set node=n1\n").expect("replaced");
        assert_ne!(written(&other)[440..444], disk[440..444], "another disk has another number");
    }

    #[test]
    fn what_fat_cannot_hold_is_refused() {
        let refused = |change: &dyn Fn(&mut Tree)| {
            let mut tree = sample();
            change(&mut tree);
            write(&tree, &mut Cursor::new(Vec::new())).expect_err("FAT cannot hold it").to_string()
        };
        let link = refused(&|tree| drop(tree.symlink("link", "node.cfg").expect("new")));
        assert_eq!(link, "`/link` cannot be written as disk: FAT has files and directories alone");
        let same = refused(&|tree| drop(tree.write("NODE.CFG", 0o644, "x").expect("new")));
        assert!(same.ends_with("another file has this name in other letters"), "{same}");
    }
}
