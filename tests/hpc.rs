//! `recipes/hpc.toml` booted as it is: a controller by UEFI and two nodes by BIOS, on which the batch system starts a
//! program that uses MPI.

use std::fs;
use std::path::Path;

use imgbuild::boot::Firmware;
use imgbuild::boot::Options;

use crate::cluster::BOOT;
use crate::cluster::Booted;
use crate::cluster::build;
use crate::cluster::on;
use crate::switched_on;

/// munge's key: nothing else has these bytes.
const KEY: &str = "the-key-of-all-nodes-1f8e07d2c5b94a36-which-no-image-has-6b0a";
const CONTROL: &str = "control";
const NODES: [&str; 2] = ["n01", "n02"];

/// Each of two processes sends the other 4 MB that begin with its node's name, and says what it has heard.
const PROGRAM: &str = "from mpi4py import MPI; world = MPI.COMM_WORLD; other = 1 - world.Get_rank(); \
                       own = MPI.Get_processor_name(); heard = world.sendrecv(own + 4000000 * chr(46), other, 7, None, other, 7); \
                       print(own, world.Get_size(), heard.rstrip(chr(46)), len(heard))";

#[test]
fn a_program_runs_across_two_nodes() {
    // Three machines more than other boots need have a switch of their own.
    if !switched_on("IMGBUILD_TEST_HPC", "a_program_runs_across_two_nodes") || !on("a_program_runs_across_two_nodes") {
        return;
    }
    let place = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).expect("the tests can write").keep();
    let recipes = Path::new(env!("CARGO_MANIFEST_DIR")).join("recipes");
    let (lab, output) = (place.join("lab"), place.join("output"));
    // As in a clone, where the key is nobody else's.
    fs::create_dir_all(lab.join("recipes/hpc/secrets")).expect("ours");
    for name in ["hpc.toml", "hpc/slurm.conf"] {
        fs::copy(recipes.join(name), lab.join("recipes").join(name)).expect("ours");
    }
    fs::write(lab.join("recipes/hpc/secrets/munge.key"), KEY).expect("ours");
    fs::copy(env!("CARGO_BIN_EXE_imgbuild"), lab.join("imgbuild")).expect("ours");
    build(&lab.join("recipes/hpc.toml"), &output);
    computes(&output, &place);
    fs::remove_dir_all(place).expect("ours");
}

fn computes(output: &Path, place: &Path) {
    let mut booted = Booted::new(output, place.join("lab"), 1024);
    booted.head("/lab/imgbuild publish /lab/recipes/hpc.toml --site --to / >/var/log/site 2>&1");
    let mut uefi = Options::default();
    (uefi.firmware, uefi.memory, uefi.probe) = (Firmware::Uefi, 1024, true);
    booted.cluster.power_on_as(CONTROL, &uefi).unwrap_or_else(|error| panic!("{error}"));
    booted.power_on(&NODES);
    booted.come_up(&[CONTROL]);
    by_shim_and_grub(&mut booted);

    // The batch system has its table and its key: it takes both nodes.
    booted.comes_to(CONTROL, "sinfo --noheader --nodes n01,n02 --format '%t %D'", "idle 2");
    // Not root; and a job that does not start is an end of the test, not a wait.
    let run = format!("runuser -u nobody -- srun --immediate=120 -N2 --mpi=pmix python3 -c '{PROGRAM}' 2>&1 | sort");
    let heard = booted.ask_long(CONTROL, &run, BOOT);
    assert_eq!(heard, "n01 2 n02 4000003\nn02 2 n01 4000003");
    the_key_is_where_it_shall_be(&mut booted, output, place);
    booted.power_off(&[CONTROL, NODES[0], NODES[1]]);
    booted.finish();
}

/// The controller's firmware has fetched Debian's signed shim and GRUB, and GRUB the node's own menu, whose name has no
/// colon of its address.
fn by_shim_and_grub(booted: &mut Booted) {
    let image = booted.ask(CONTROL, "ls -d /sys/firmware/efi; grep -o 'BOOT_IMAGE=/[a-z.]*/' /proc/cmdline");
    assert_eq!(image, "/sys/firmware/efi\nBOOT_IMAGE=/hpc.control/");
    let dnsmasq = fs::read_to_string(booted.cluster.logs().join("dnsmasq.log")).unwrap_or_default();
    assert!(dnsmasq.contains("grub/nodes/01-02-00-00-00-01-01.cfg to 192.168.1.2"), "{dnsmasq}");
}

/// Each node has munge's key, and for munge alone; no output, log or message has it, and no node another one's copy.
fn the_key_is_where_it_shall_be(booted: &mut Booted, output: &Path, place: &Path) {
    for node in [CONTROL, NODES[0], NODES[1]] {
        let key = booted.ask(node, "cat /etc/munge/munge.key; echo; stat -c '%a %U %G' /etc/munge/munge.key");
        assert_eq!(key, format!("{KEY}\n400 munge munge"), "{node}");
        let told = booted.ask(node, &format!("journalctl --no-pager | grep -c {KEY}; grep -c {KEY} /proc/cmdline"));
        assert_eq!(told, "0\n0", "{node}");
    }
    let of = |node: &str| {
        format!(
            "mkdir -p /run/other; mount -i -t nfs -o ro,vers=3,nolock,addr=192.168.1.1,retrans=1,soft,timeo=30 \
             192.168.1.1:/srv/imgbuild/hpc/site/{node} /run/other >/dev/null 2>&1 && cat /run/other/now/* || echo refused"
        )
    };
    assert_eq!(booted.ask(NODES[0], &of(NODES[1])), "refused");
    assert_eq!(booted.ask(NODES[0], &format!("{}; umount /run/other", of(NODES[0]))).matches(KEY).count(), 1);
    let mut read = 0;
    for directory in [output.to_owned(), place.join("lab/log")] {
        for path in crate::hostile::files(&directory) {
            // What went over the wire is there to be looked at.
            if path.is_symlink() || path.to_string_lossy().contains("packets.pcap") {
                continue;
            }
            let bytes = fs::read(&path).expect("ours");
            assert!(memchr::memmem::find(&bytes, KEY.as_bytes()).is_none(), "{}", path.display());
            read += 1;
        }
    }
    assert!(read > 60, "{read} files");
}
