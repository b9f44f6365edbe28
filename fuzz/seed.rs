//! Writes the first inputs of every target, all made by the program's own writers: `seed DIRECTORY`.

use std::collections::BTreeMap;
use std::error::Error;
use std::fs;
use std::io::Cursor;
use std::path::Path;

use imgbuild::digest::Sha256;
use imgbuild::format::compress::Compression;
use imgbuild::format::newc;
use imgbuild::format::tar::EntryKind;
use imgbuild::host::Signer;
use imgbuild::image;
use imgbuild::manifest::Manifest;
use imgbuild::recipe::Lock;
use imgbuild::recipe::LockedImage;
use imgbuild::recipe::LockedPackage;
use imgbuild::recipe::LockedRecipe;
use imgbuild::recipe::LockedSource;
use imgbuild::testing::ARCHIVE_DATE;
use imgbuild::testing::ArchiveBuilder;
use imgbuild::testing::DebBuilder;
use imgbuild::testing::TreeBuilder;
use imgbuild::testing::ar_archive;
use imgbuild::testing::compressed;
use imgbuild::testing::entry;
use imgbuild::testing::kernel_module;
use imgbuild::testing::signer::Signing;
use imgbuild::testing::signer::TestKey;
use imgbuild::testing::tar_archive;

// It is built along with the targets, whose instruments call what only the fuzzer has.
use libfuzzer_sys as _;

const KINDS: [Compression; 4] = [Compression::None, Compression::Gzip, Compression::Xz, Compression::Zstd];

fn main() -> Result<(), Box<dyn Error>> {
    let root = std::env::args_os().nth(1).ok_or("usage: seed DIRECTORY")?;
    let root = Path::new(&root);
    let write = |target: &str, inputs: Vec<Vec<u8>>| -> Result<(), Box<dyn Error>> {
        fs::create_dir_all(root.join(target))?;
        for (number, input) in inputs.iter().enumerate() {
            fs::write(root.join(target).join(format!("seed-{number}")), input)?;
        }
        Ok(())
    };
    let texts = |texts: &[&str]| texts.iter().map(|text| text.as_bytes().to_vec()).collect();
    let deb = deb();
    write("ar", vec![ar_archive(&deb.members()), ar_archive(&[("odd".into(), b"1".to_vec())])])?;
    write("compress", compress())?;
    write("control", vec![deb.control().into_bytes(), b"A: 1\n b\n .\n\n# c\nB:\n".to_vec()])?;
    write("deb", KINDS.map(|kind| deb.clone().compression(kind).build()).to_vec())?;
    write("elf", vec![kernel_module(&["license=GPL", "alias=pci:*"], &["a"], &["b"]), own_program()])?;
    let archive = ArchiveBuilder::new("test").package(&deb);
    let frame = archive.build().remove("dists/test/InRelease").ok_or("an archive has an InRelease")?;
    let dashes = TestKey::trusted().inline("-a\n- b\n\n-----c-----\n", Signing::at(ARCHIVE_DATE));
    write("inrelease", vec![frame, dashes.into_bytes()])?;
    write("newc", vec![cpio()?])?;
    write("image", images()?)?;
    write("relation", texts(&["a (>= 1:2-3) | b:any, c:amd64 (<< 0:1:2)", "a(=1),b<<2", "a [amd64], b <!nocheck>"]))?;
    write(
        "release",
        vec![archive.clone().field("Valid-Until", "Sat, 12 Sep 2026 07:55:41 UTC").release().into_bytes()],
    )?;
    write("tar", vec![tar()])?;
    write("lock", locks().into_iter().map(String::into_bytes).collect())?;
    write("module", vec![kernel_module(&["license=GPL", "alias=pci:v*", "softdep=pre: a post: b"], &["a"], &["b"])])?;
    let index = archive.release();
    let stanza =
        format!("{}Filename: pool/main/s/seed_2.0-1_all.deb\nSize: 7\nSHA256: {}\n", deb.control(), Sha256::of(b""));
    write("package", vec![stanza.into_bytes(), index.into_bytes()])?;
    write("recipe", RECIPES.iter().map(|text| text.as_bytes().to_vec()).collect())?;
    write("shell", SCRIPTS.iter().map(|text| text.as_bytes().to_vec()).collect())?;
    let signature = TestKey::trusted().detached(b"text", Signing::at(ARCHIVE_DATE));
    write("signature", vec![signature.into_bytes(), TestKey::rsa().certificate()])?;
    write("tree", vec![tar()])?;
    write("filters", FILTERS.iter().map(|text| text.as_bytes().to_vec()).collect())?;
    write("cost", COSTLY.iter().map(|text| text.as_bytes().to_vec()).collect())?;
    write("debconf", vec![DEBCONF.as_bytes().to_vec()])?;
    write("provenance", provenance())?;
    write("version", texts(&["1.0~rc1\n1:2-3\n0", "1.0-0\n1.0\n0:1.0", "0~~\n0:0:0-0\n01:1"]))
}

/// Whole recipes: the smallest, one of several images and many nodes, and the one that is an example.
const RECIPES: [&str; 3] = [
    "name = \"seed\"\npackages = [\"bash\", \"a:any=1:2.*\"]\n[debian]\nsuite = \"trixie\"\nmirror = \"http://example.org/debian\"\n\
     [install]\nexclude = [\"/usr/share/man/*\"]\n[[overlay]]\npath = \"/etc/motd\"\nsource = \"file\"\nmode = \"0644\"\n",
    "name = \"many\"\n[debian]\nsuite = \"trixie\"\n[diskless]\n[head]\nname = \"h\"\naddress = \"10.0.0.1\"\ninterface = \"eth0\"\n\
     network = \"10.0.0.0/16\"\nrange = [\"10.0.9.1\", \"10.0.9.9\"]\n[image.a]\npackages = [\"less\"]\n[image.b]\nextends = \"a\"\n\
     [image.b.diskless]\nkernel-arguments = [\"quiet\"]\n[[node]]\nname = \"n[01-03,7]\"\naddress = \"10.0.[1-2].[1-2]\"\n\
     mac = [\"02:00:00:00:00:01\", \"02:00:00:00:00:02\", \"02:00:00:00:00:03\", \"02:00:00:00:00:04\"]\nimage = \"b\"\n",
    include_str!("../recipes/diskless-node.toml"),
];

/// What asks for much in a few words, each in its own way.
const COSTLY: [&str; 40] = [
    "while :; do :; done",
    "f() { f; }; f",
    "x=aa; while x=$x$x; do :; done",
    "while :; do ( : ); done",
    "while :; do env; done",
    "x=${B%%*a*b}; x=${B##*b*b}",
    "case $B in *a*a*a*b) ;; esac",
    "echo loops/*/*/*/*/*/*/*/*/*/*",
    "find -L loops; find -L loops -maxdepth 40",
    "while :; do find / -name x; chmod -R u+x /; done",
    "alias a1='a2;a2' a2='a3;a3' a3='a4;a4' a4='a5;a5' a5='a6;a6' a6='a7;a7'\neval 'a1'",
    "i=0; while :; do mktemp aXXX; done",
    "seq -s $b 1 100000; seq 1 100000000",
    "echo a b c | xargs -I% echo $B %; cat l | xargs -I% echo $b%",
    "echo aaaaaaaaaa | sed s/a/$b/g; cat B | sed 's/a/bb/g;s/b/cc/g;s/c/dd/g'",
    "sed 'p;p;p;p;p;p;p;p;p;p;p;p' l",
    "sed ':a;s/a/aa/;ta' b; sed -n 'H;G;h' l; sed '1,+18446744073709551615p' l",
    "cat B | tee many/* many/* many/*",
    "awk 'BEGIN { while (1) x = x \"a\" }'; awk 'BEGIN { while (1) a[n++] = n }'",
    "awk 'BEGIN { s = sprintf(\"%1000000s\", \"\"); while (1) a[n++] = s }'",
    "awk '{ gsub(/a*a*a*b/, \"x\") } 1' B; awk -F'a*b' '{ print $1 }' B",
    "sort l l l l l l l l l l l l l l l l l l l l l l l l l l l l l l",
    "cp -a many m1; while :; do cp -a m1 m1.; mv m1. m1; done",
    "grep 'a*a*a*a*a*b' B; grep '\\(a*\\)*\\1b' b; grep -E '(a|aa)+b' B; grep \"$(printf 'a%.0s*' l)\" b",
    "tr a-z A-Z < B | cut -c1-100000 | fold -w1 | sort -u | uniq -c | wc",
    "while read x; do echo $x; done < l; while read x; do :; done < B",
    "x=$(cat B B B B B B B B); for i in $B $B $B; do x=$x$i; done",
    "set -- $(cat l); while :; do set -- \"$@\" \"$@\"; done",
    "IFS=a; set -- $B; echo $#; IFS=; for x in $*; do :; done",
    "echo $((1+1+1+1+1)); x=$b; echo $((x)); expr $b : '\\(.*\\)*b'",
    "printf '%5000000s' a; printf '%s\\n' $(cat l); printf '%.0s' $(cat l) $(cat l)",
    "diff l B; comm l l; join l l; paste l l l l l l; cmp B b",
    "head -c 100000000 B; tail -n 1000000 l; tac l l l; split -l 1 l; od B",
    "eval \"$(echo 'while true; do echo y; done')\"",
    "cat <<E\n$B$B$B$B$B$B$B$B\nE\n",
    "while :; do echo $B; done > out; while :; do echo $B >> out; done",
    "mkdir -p a/b/c/d/e/f/g; while :; do mv a b; mv b a; done; ls -lR /",
    "date -d 9223372036854775807; date -d @-9223372036854775808; touch -d @-9223372036854775808 x; find x -mtime 1",
    "awk 'function f(n) { return f(n + 1) } BEGIN { f(0) }'; awk 'BEGIN { print length(1+1+1+1+1+1+1) }'",
    "md5sum B B B B B B B B; while :; do sha256sum B; done; ln -s x y; while :; do readlink -f y; done",
];

/// What maintainer scripts do, a little of each.
const SCRIPTS: [&str; 8] = [
    "set -e\nif [ \"$1\" = configure ]; then\n for x in a 'b c' \"$y\"; do echo \"<$x>\"; done\nfi\n",
    "x=a.b.c; echo ${x%%.*} ${x#*.} ${x:-d} $((1+2*3)) `echo y`; case $x in a*) false;; *) :;; esac || exit 3\n",
    "f() { local n=$1; [ $n -gt 3 ] || f $((n+1)); echo $n; }; f 0 | while read a b; do printf '%s\\n' $a; done\n",
    "cat > /tmp/x <<EOF\na $HOME `pwd`\nEOF\ngrep -E '^a|b*$' /tmp/x | sed -e 's/a\\(.\\)/\\1/g;2d' | awk '{print $1, NF}'\n",
    "awk -F: '$3 == 0 { n += 1; a[$1] = n } END { for (k in a) printf(\"%s %d\\n\", k, a[k]) }' /etc/passwd; trap 'rm -f /tmp/x' EXIT\n",
    "find /usr -type f -name '*a*' | sort | xargs -n1 basename; ln -s ../etc /tmp/l; mkdir -p /tmp/a/b; chmod u=rwx,go-w /tmp/a; expr a : 'b*'\n",
    "#!/bin/bash\na=(x {1..3} [7]=y); declare -A m=([k]=v); for ((i = 0; i < 3; i++)); do [[ ${a[i]} =~ ^(x|[0-9])$ ]] || ((i++)); done; echo ${!m[@]} ${a[@]/x/y}\n",
    "#!/bin/bash\nshopt -s extglob\nf() { local -r v=${1^^}; echo \"${v//!(a|b)/c}\" ${v:1:2} $'\\x41'; }; read -ra b < <(f abc); trap 'echo e' ERR; cat <<< \"${b[*]}\" |& cat\n",
];

/// Programs of sed (twice), awk, grep (twice) and expr, each with its text.
const FILTERS: [&str; 12] = [
    "\x06s/a\\(b*\\)c/\\1-&/g;2d;$!N;P;D\0abbc\nac\nx\n",
    "\x06:a;/x$/{N;s/x\\n//;ba};y/abc/xyz/;/q/,$s/^/> /\0onex\ntwo\nq\n",
    "\x07/^#/!{s/([a-z]+)=(.*)/\\2=\\1/p;h;G}\0a=b\n# c\nd=e\n",
    "\x07/b/,+1{=;i\\\nbefore\n;a after\n}\0a\nb\nc\n",
    "\x08{ n += $2; a[$1] = n } END { for (k in a) printf \"%s %d\\n\", k, a[k] }\0x 1\ny 2\n",
    "\x08function f(x) { return x * 2 } NR % 2 { gsub(/o+/, \"[&]\"); print f(length), substr($0, 2, 3), toupper($1) }\0foo bar\nboo\n",
    "\x08BEGIN { while (i < 3) { i++; if (i == 2) continue; print i, split(\"a:b\", p, \":\"), p[2] } exit 1 }\0",
    "\x09^[[:alpha:]_][^ ]*\\(b\\)\\{1,3\\}$\0abbb\n_xb\n",
    "\x09\\(ab\\)*c\\1.\\?\0abcab\nc\n",
    "\x0a^(a|b+)?[^]x-z]{2,}(c|)$\0aqqc\nbb--\n",
    "\x0a(a*)*b|c\\.d\0aaab\nc.d\n",
    "\x0b[0-9]*\\.\\([0-9]*\\)\0123.45",
];

/// Templates, and a conversation about them.
const DEBCONF: &str = "Template: seed/choice\nType: select\nChoices: one, two\nChoices-de.UTF-8: eins, zwei\nDefault: two\n\
    Description: Which?\n Longer words\n .\n about it.\n\nTemplate: seed/yes\nType: boolean\nDefault: true\nDescription: ok?\n\
    \0VERSION 2.0\nTITLE x\nINPUT high seed/choice\nGO\nGET seed/choice\nSUBST seed/yes a b\nFSET seed/yes seen true\n\
    SET seed/yes false\nREGISTER seed/yes other/yes\nMETAGET seed/yes description\nRESET seed/yes\nPURGE\n";

/// A manifest, and a provenance of the one that the target has, as if somebody had signed it.
fn provenance() -> Vec<Vec<u8>> {
    struct Nobody;
    impl Signer for Nobody {
        fn key_id(&self) -> String {
            "nobody".to_owned()
        }
        fn sign(&self, _: &[u8]) -> Vec<u8> {
            b"signature".to_vec()
        }
    }
    let manifest =
        Manifest::new("seed".into(), "amd64".into(), "trixie".into(), Sha256::of(b""), 0, Sha256::of(b"lock"));
    let signed = imgbuild::manifest::provenance::provenance(&manifest, &Sha256::of(b""), &Nobody);
    vec![manifest.to_json().into_bytes(), signed.into_bytes()]
}

/// A lock with one package of each kind, and one of two images.
fn locks() -> Vec<String> {
    let digest = Sha256::of(b"");
    let mut source = LockedSource::new("debian", "trixie", 1_757_635_200, b"signed", Some(b"signature"));
    source.indices.insert("main/binary-amd64/Packages.xz".to_owned(), digest.into());
    let package = |name: &str, source: Option<&str>| LockedPackage {
        name: name.to_owned(),
        version: "1:2-3".to_owned(),
        architecture: "all".to_owned(),
        source: source.map(str::to_owned),
        filename: format!("pool/{name}.deb"),
        size: 7,
        sha256: digest,
        reason: "asked for".to_owned(),
    };
    let lock = Lock {
        version: 1,
        architecture: "amd64".to_owned(),
        epoch: 0,
        recipe: LockedRecipe { name: "seed".to_owned(), selection: digest },
        users: [("sshd".to_owned(), 100)].into(),
        groups: [("sshd".to_owned(), 101)].into(),
        packages: vec![package("bash", Some("debian")), package("own", None)],
        images: Vec::new(),
        loaders: vec![package("shim", Some("debian"))],
        builders: vec![package("gcc", Some("debian"))],
        sources: vec![source],
    };
    let image = |name: &str| LockedImage {
        name: name.to_owned(),
        selection: digest,
        epoch: 0,
        users: lock.users.clone(),
        groups: lock.groups.clone(),
        packages: lock.packages.clone(),
        builders: Vec::new(),
    };
    let images = vec![image("plain"), image("gpu")];
    let (users, groups) = (BTreeMap::new(), BTreeMap::new());
    let several = Lock { images, users, groups, packages: Vec::new(), builders: Vec::new(), ..lock.clone() };
    vec![lock.to_text(), several.to_text()]
}

fn deb() -> DebBuilder {
    DebBuilder::new("seed", "1:2.0-1", "all")
        .field("Depends", "a (>= 1) | b, c")
        .script("postinst", "#!/bin/sh\n")
        .file("/usr/share/seed", 0o644, "content")
        .hard_link("/usr/share/other", "/usr/share/seed")
        .symlink("/usr/share/link", "seed")
}

fn compress() -> Vec<Vec<u8>> {
    let text = b"seed seed seed seed";
    let packed =
        KINDS[1..].iter().enumerate().map(|(number, kind)| [&[number as u8][..], &compressed(*kind, text)].concat());
    packed.chain((0x80..0x83).map(|number| [&[number][..], text].concat())).collect()
}

/// Every kind of entry; `checksum` stands where the target sets the right one.
fn tar() -> Vec<u8> {
    let mut file = entry("./file", EntryKind::File);
    file.xattrs.insert(b"user.a".to_vec(), b"b".to_vec());
    let mut hard = entry("./hard", EntryKind::HardLink);
    hard.link = b"./file".to_vec();
    let mut symlink = entry(&format!("./{}", "l".repeat(120)), EntryKind::Symlink);
    symlink.link = vec![b't'; 120];
    let mut device = entry("./device", EntryKind::CharDevice);
    (device.device, device.uid) = ((1, 3), 3_000_000_000);
    let plain = [entry("./", EntryKind::Directory), hard, symlink, device, entry("./pipe", EntryKind::Fifo)];
    let mut entries: Vec<_> = plain.into_iter().map(|header| (header, Vec::new())).collect();
    entries.insert(1, (file, b"content".to_vec()));
    let mut bytes = tar_archive(&entries);
    for block in bytes.chunks_exact_mut(512).filter(|block| block[257..262] == *b"ustar") {
        block[148..156].copy_from_slice(b"checksum");
    }
    bytes.truncate(bytes.len().next_multiple_of(512));
    bytes
}

fn cpio() -> Result<Vec<u8>, newc::Error> {
    let mut writer = newc::Writer::new(Vec::new());
    for (inode, (name, mode, body)) in
        [(".", 0o40_755, ""), ("init", 0o100_755, "hello"), ("link", 0o120_777, "init")].into_iter().enumerate()
    {
        let header = newc::Header {
            name: name.into(),
            inode: inode as u32,
            mode,
            links: 1,
            size: body.len() as u32,
            ..newc::Header::default()
        };
        writer.append(&header, &mut body.as_bytes())?;
    }
    writer.finish()
}

/// A small root as each kind of image.
fn images() -> Result<Vec<Vec<u8>>, Box<dyn std::error::Error>> {
    let tree = TreeBuilder::new()
        .file("etc/motd", 0o644, "hello\n".repeat(900))
        .xattr("etc/motd", "user.a", "b")
        .hard_link("etc/same", "etc/motd")
        .symlink("bin", "usr/bin")
        .device("dev/null", 0o666, 1, 3)
        .build();
    let mut images = vec![cpio()?];
    for compression in [Compression::None, Compression::Zstd] {
        let mut options = image::squashfs::Options::default();
        options.compression = compression;
        let mut output = Cursor::new(Vec::new());
        image::write_squashfs(&tree, &options, &mut output)?;
        images.push(output.into_inner());
    }
    for compression in [image::erofs::Compression::None, image::erofs::Compression::Lz4 { level: 9 }] {
        let mut options = image::erofs::Options::default();
        options.compression = compression;
        let mut output = Cursor::new(Vec::new());
        image::write_erofs(&tree, &options, &mut output)?;
        images.push(output.into_inner());
    }
    Ok(images)
}

/// The beginning of a real program is enough to start from, where there is one.
fn own_program() -> Vec<u8> {
    let program = std::env::current_exe().and_then(fs::read).unwrap_or_default();
    program.into_iter().take(64 << 10).collect()
}
