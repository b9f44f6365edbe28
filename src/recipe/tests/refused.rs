//! What is wrong in a recipe, and what is said of it: a table.

use super::*;

/// A recipe with something wrong: the good one, what is replaced (or, when empty, appended to), by what, and what is
/// said.
const BAD: &[(&str, &str, &str, &[&str])] = &[
    (
        SMALL,
        "",
        "pakages = []",
        &[
            "recipe.toml:4:1: unknown key `debian.pakages` (known here: architecture, components, mirror, pockets, signed-by, snapshot, suite)",
        ],
    ),
    (
        SMALL,
        "suite",
        "siute",
        &[
            "recipe.toml:2:1: `debian.suite` is missing",
            "recipe.toml:3:1: unknown key `debian.siute` (did you mean `suite`?)",
        ],
    ),
    (
        SMALL,
        "[debian]",
        "[debain]",
        &["recipe.toml:1:1: `debian` is missing", "recipe.toml:2:2: unknown key `debain` (did you mean `debian`?)"],
    ),
    (
        SMALL,
        "",
        "archtecture = 'arm64'",
        &["recipe.toml:4:1: unknown key `debian.archtecture` (did you mean `architecture`?)"],
    ),
    (SMALL, "name = \"x\"\n", "", &["recipe.toml:1:1: `name` is missing"]),
    (SMALL, "suite = \"trixie\"\n", "", &["recipe.toml:2:1: `debian.suite` is missing"]),
    (SMALL, r#""x""#, "3", &["recipe.toml:1:8: `name` is an integer, not a string (write it in quotes)"]),
    (SMALL, r#""x""#, "nan", &["recipe.toml:1:8: `name` is a number, not a string (write it in quotes)"]),
    (SMALL, r#""x""#, "2026-11-01", &["recipe.toml:1:8: `name` is a date, not a string (write it in quotes)"]),
    (SMALL, r#""x""#, r#"["x"]"#, &["recipe.toml:1:8: `name` is a list, not a string"]),
    (
        SMALL,
        r#"name = "x""#,
        "name = \"x\"\npackages = \"bash\"",
        &["recipe.toml:2:12: `packages` is a string, not a list"],
    ),
    (
        SMALL,
        r#"name = "x""#,
        "name = \"x\"\npackages = [1, true]",
        &[
            "recipe.toml:2:13: `packages` is an integer, not a string (write it in quotes)",
            "recipe.toml:2:16: `packages` is `true` or `false`, not a string (write it in quotes)",
        ],
    ),
    (SMALL, r#"name = "x""#, "name = \"x\"\nname = \"y\"", &["recipe.toml:2:1: duplicate key"]),
    (SMALL, r#"name = "x""#, r#"name = "x"#, &[r#"recipe.toml:1:10: invalid basic string, expected `"`"#]),
    (SMALL, r#"name = "x""#, "name = x", &["recipe.toml:1:8: string values must be quoted, expected literal string"]),
    (SMALL, "", "[debian]", &["recipe.toml:4:2: duplicate key"]),
    (
        SMALL,
        "",
        "[install]\nrecommends = \"yes\"",
        &["recipe.toml:5:14: `install.recommends` is a string, not `true` or `false`"],
    ),
    (
        SMALL,
        "",
        "[install]\nbase = \"requierd\"",
        &[
            r#"recipe.toml:5:8: `install.base` is "requierd", not one of "nothing", "essential", "required", "important" (did you mean "required"?)"#,
        ],
    ),
    (
        SMALL,
        "",
        "[install]\nbase = \"all\"",
        &[r#"recipe.toml:5:8: `install.base` is "all", not one of "nothing", "essential", "required", "important""#],
    ),
    (
        SMALL,
        "",
        "[output]\nformats = [\"tar.zstd\", \"iso\"]",
        &[
            r#"recipe.toml:5:12: `output.formats` is "tar.zstd", not one of "tar", "tar.zst", "tar.xz", "tar.gz", "directory", "newc", "squashfs", "erofs", "oci" (did you mean "tar.zst"?)"#,
            r#"recipe.toml:5:24: `output.formats` is "iso", not one of "tar", "tar.zst", "tar.xz", "tar.gz", "directory", "newc", "squashfs", "erofs", "oci""#,
        ],
    ),
    (SMALL, "", "[output]\nformats = \"tar\"", &["recipe.toml:5:11: `output.formats` is a string, not a list"]),
    (
        SMALL,
        "",
        "[initramfs]\ncompression = \"lz4\"",
        &[r#"recipe.toml:5:15: `initramfs.compression` is "lz4", not one of "none", "gzip", "xz", "zstd""#],
    ),
    (
        SMALL,
        "",
        "[initramfs]\nmodules = \"netbot\"",
        &[r#"recipe.toml:5:11: `initramfs.modules` is "netbot", not "netboot" or a list (did you mean "netboot"?)"#],
    ),
    (
        SMALL,
        "",
        "[configure]\notherwise = \"ignore\"",
        &[r#"recipe.toml:5:13: `configure.otherwise` is "ignore", not one of "error", "sandbox", "first-boot""#],
    ),
    (
        SMALL,
        "",
        "[configure.packages]\nfoo = \"ignore\"",
        &[r#"recipe.toml:5:7: `configure.packages.foo` is "ignore", not one of "sandbox", "first-boot", "skip""#],
    ),
    (
        SMALL,
        "",
        "[[node]]\n[[node]]",
        &[
            "recipe.toml:4:1: `node.name` is missing",
            "recipe.toml:4:1: `node.mac` is missing",
            "recipe.toml:4:1: `node.address` is missing",
            "recipe.toml:5:1: `node.name` is missing",
            "recipe.toml:5:1: `node.mac` is missing",
            "recipe.toml:5:1: `node.address` is missing",
        ],
    ),
    (SMALL, "", "[node]\nname = \"a\"", &["recipe.toml:4:1: `node` is a table, not a list"]),
    (
        SMALL,
        "",
        r#"pockets = ["security", "update"]"#,
        &[
            r#"recipe.toml:4:24: `debian.pockets` is "update", not one of "updates", "security", "backports" (did you mean "updates"?)"#,
        ],
    ),
    (
        SMALL,
        "",
        "[[overlay]]\npath = \"/x\"\ncontent = 5",
        &["recipe.toml:6:11: `overlay.content` is an integer, not a string (write it in quotes)"],
    ),
    (
        SMALL,
        r#""x""#,
        r#""../out""#,
        &[
            r#"recipe.toml:1:8: `name` is "../out" (use up to 64 lower-case letters, digits, `.` and `-`, a letter or digit first)"#,
        ],
    ),
    (
        SMALL,
        r#""x""#,
        r#""Compute""#,
        &[
            r#"recipe.toml:1:8: `name` is "Compute" (use up to 64 lower-case letters, digits, `.` and `-`, a letter or digit first)"#,
        ],
    ),
    (
        SMALL,
        r#""x""#,
        r#""--force""#,
        &[
            r#"recipe.toml:1:8: `name` is "--force" (use up to 64 lower-case letters, digits, `.` and `-`, a letter or digit first)"#,
        ],
    ),
    (
        SMALL,
        r#"name = "x""#,
        "name = \"x\"\npackages = [\"-oDPkg::x=1\", \"--force\", \"a b\", \"$(x)\", \"\", \"Bash\"]",
        &[
            r#"recipe.toml:2:13: `packages` is "-oDPkg::x=1" (a package name is of lower-case letters, digits, `+`, `-` and `.`, at least two, a letter or digit first)"#,
            r#"recipe.toml:2:28: `packages` is "--force" (a package name is of lower-case letters, digits, `+`, `-` and `.`, at least two, a letter or digit first)"#,
            r#"recipe.toml:2:39: `packages` is "a b" (a package name is of lower-case letters, digits, `+`, `-` and `.`, at least two, a letter or digit first)"#,
            r#"recipe.toml:2:46: `packages` is "$(x)" (a package name is of lower-case letters, digits, `+`, `-` and `.`, at least two, a letter or digit first)"#,
            r#"recipe.toml:2:54: `packages` is "" (a package name is of lower-case letters, digits, `+`, `-` and `.`, at least two, a letter or digit first)"#,
            r#"recipe.toml:2:58: `packages` is "Bash" (a package name is of lower-case letters, digits, `+`, `-` and `.`, at least two, a letter or digit first)"#,
        ],
    ),
    (
        SMALL,
        r#"name = "x""#,
        "name = \"x\"\npackages = [\"bash:x86_64\", \"bash:any\", \"bash=1 2\", \"bash=\", \"bash=1/../2\"]",
        &[
            r#"recipe.toml:2:13: `packages` is "bash:x86_64" (Debian has no such architecture; it has `amd64`)"#,
            r#"recipe.toml:2:28: `packages` is "bash:any" (Debian has no such architecture; it has alpha, amd64, arm64, armel, armhf, hppa, hurd-amd64, hurd-i386, i386, ia64, loong64, m68k, mips64el, mipsel, powerpc, ppc64, ppc64el, riscv64, s390x, sh4, sparc64, x32)"#,
            r#"recipe.toml:2:40: `packages` is "bash=1 2" (it is no version: a character that is not allowed in an upstream version)"#,
            r#"recipe.toml:2:52: `packages` is "bash=" (it is no version: the upstream version is empty)"#,
            "recipe.toml:2:61: cannot find `bash=1/../2`: No such file or directory (os error 2)",
        ],
    ),
    (
        SMALL,
        r#"name = "x""#,
        "name = \"x\"\npackages = [\"bash=1\", \"bash=2\"]",
        &["recipe.toml:2:23: `bash` is asked for in two versions"],
    ),
    (
        SMALL,
        r#"name = "x""#,
        "name = \"x\"\npackages = [\"no.deb\", \"/etc/passwd\", \"../x.deb\", \"keys/slurm.asc\", \"./out.deb\"]",
        &[
            "recipe.toml:2:13: cannot find `no.deb`: No such file or directory (os error 2)",
            "recipe.toml:2:23: `/etc/passwd` is no path below the recipe's directory",
            "recipe.toml:2:38: cannot find `../x.deb`: No such file or directory (os error 2)",
            "recipe.toml:2:50: `keys/slurm.asc` is no .deb",
            "recipe.toml:2:68: `./out.deb` leads out of the recipe's directory",
        ],
    ),
    (
        SMALL,
        r#"name = "x""#,
        "name = \"x\"\npackages = [\"a\\u0000b\", \"a\\u001b[2Jb\"]",
        &[
            r#"recipe.toml:2:13: `packages` is "a\0b" (a package name is of lower-case letters, digits, `+`, `-` and `.`, at least two, a letter or digit first)"#,
            r#"recipe.toml:2:25: `packages` is "a\u{1b}[2Jb" (a package name is of lower-case letters, digits, `+`, `-` and `.`, at least two, a letter or digit first)"#,
        ],
    ),
    (
        SMALL,
        r#""trixie""#,
        r#""trixie; rm""#,
        &[
            r#"recipe.toml:3:9: `debian.suite` is "trixie; rm" (use letters, digits, `.`, `+`, `-`, `_` and `~`, in words joined by `/`)"#,
        ],
    ),
    (
        SMALL,
        r#""trixie""#,
        r#""../sid""#,
        &[
            r#"recipe.toml:3:9: `debian.suite` is "../sid" (use letters, digits, `.`, `+`, `-`, `_` and `~`, in words joined by `/`)"#,
        ],
    ),
    (
        SMALL,
        "",
        r#"architecture = "all""#,
        &[
            r#"recipe.toml:4:16: `debian.architecture` is "all" (Debian has no such architecture; it has alpha, amd64, arm64, armel, armhf, hppa, hurd-amd64, hurd-i386, i386, ia64, loong64, m68k, mips64el, mipsel, powerpc, ppc64, ppc64el, riscv64, s390x, sh4, sparc64, x32)"#,
        ],
    ),
    (
        SMALL,
        "",
        r#"architecture = "aarch64""#,
        &[r#"recipe.toml:4:16: `debian.architecture` is "aarch64" (Debian has no such architecture; it has `arm64`)"#],
    ),
    (
        SMALL,
        "",
        r#"components = ["main", "non free"]"#,
        &[
            r#"recipe.toml:4:23: `debian.components` is "non free" (use letters, digits, `.`, `+`, `-`, `_` and `~`, in words joined by `/`)"#,
        ],
    ),
    (
        SMALL,
        "",
        r#"mirror = "file://etc/x""#,
        &[
            r#"recipe.toml:4:10: `debian.mirror` is "file://etc/x" (a directory of this machine is written as `file:///srv/archive`)"#,
        ],
    ),
    (
        SMALL,
        "",
        r#"mirror = "http://user:secret@mirror.example.org/debian""#,
        &[
            r#"recipe.toml:4:10: `debian.mirror` is "http://***********@mirror.example.org/debian" (a URL with a user or password has no place in a recipe)"#,
        ],
    ),
    (
        SMALL,
        "",
        r#"mirror = "mirror.example.org""#,
        &[r#"recipe.toml:4:10: `debian.mirror` is "mirror.example.org" (it is no URL: it begins with no `https://`)"#],
    ),
    (
        SMALL,
        "",
        r#"mirror = "https://mirror.example.org/a/../b""#,
        &[
            r#"recipe.toml:4:10: `debian.mirror` is "https://mirror.example.org/a/../b" (the URL's path has `..`, `?`, `#`, or characters that are not allowed in one)"#,
        ],
    ),
    (
        SMALL,
        "",
        r#"mirror = "https:///debian""#,
        &[r#"recipe.toml:4:10: `debian.mirror` is "https:///debian" (the URL's host is none)"#],
    ),
    (
        SMALL,
        "",
        r#"mirror = "https://h:99999/debian""#,
        &[r#"recipe.toml:4:10: `debian.mirror` is "https://h:99999/debian" (the URL's host is none)"#],
    ),
    (
        SMALL,
        "",
        r#"snapshot = "2026-11-01""#,
        &[r#"recipe.toml:4:12: `debian.snapshot` is "2026-11-01" (a snapshot's time is written as 20261101T000000Z)"#],
    ),
    (
        SMALL,
        "",
        r#"snapshot = "20261301T000000Z""#,
        &[
            r#"recipe.toml:4:12: `debian.snapshot` is "20261301T000000Z" (a snapshot's time is written as 20261101T000000Z)"#,
        ],
    ),
    (
        SMALL,
        "",
        r#"signed-by = "/etc/passwd""#,
        &["recipe.toml:4:13: `/etc/passwd` is no path below the recipe's directory"],
    ),
    (
        SMALL,
        "",
        r#"signed-by = "keys/none.asc""#,
        &["recipe.toml:4:13: cannot find `keys/none.asc`: No such file or directory (os error 2)"],
    ),
    (
        SMALL,
        "",
        r#"signed-by = "keys""#,
        &["recipe.toml:4:13: cannot read the file of `debian.signed-by`: it is not a regular file"],
    ),
    (SMALL, "", r#"signed-by = "keys/empty.asc""#, &["recipe.toml:4:13: `keys/empty.asc` is no keyring"]),
    (
        SMALL,
        "",
        "[[archive]]\nurl = \"https://packages.example.org/x\"\nsuite = \"stable\"",
        &["recipe.toml:4:1: `archive.signed-by` is missing"],
    ),
    (
        SMALL,
        "",
        "[[archive]]\nurl = \"ftp://packages.example.org/x\"\nsuite = \"a b\"\nsigned-by = \"keys/slurm.asc\"\npackages = [\"slurm *\"]",
        &[
            r#"recipe.toml:5:7: `archive.url` is "ftp://packages.example.org/x" (only `http`, `https` and `file` are fetched from)"#,
            r#"recipe.toml:6:9: `archive.suite` is "a b" (use letters, digits, `.`, `+`, `-`, `_` and `~`, in words joined by `/`)"#,
            r#"recipe.toml:8:13: `archive.packages` is "slurm *" (a package name is of lower-case letters, digits, `+`, `-` and `.`, at least two, a letter or digit first)"#,
        ],
    ),
    (
        SMALL,
        "",
        "[install]\nexclude = [\"usr/share\"]",
        &[
            r#"recipe.toml:5:12: `install.exclude` is "usr/share" (a pattern is an absolute path in which `*` and `?` match anything, `/` too)"#,
        ],
    ),
    (
        SMALL,
        "",
        "[[overlay]]\npath = \"etc/motd\"\ncontent = \"\"",
        &[r#"recipe.toml:5:8: `overlay.path` is "etc/motd" (use an absolute path in the root)"#],
    ),
    (
        SMALL,
        "",
        "[[overlay]]\npath = \"/etc/../x\"\ncontent = \"\"",
        &[r#"recipe.toml:5:8: `overlay.path` is "/etc/../x" (path `/etc/../x` has a `..` component)"#],
    ),
    (SMALL, "", "[[overlay]]\npath = \"/\"\ncontent = \"\"", &["recipe.toml:5:8: only a directory can be at `/`"]),
    (
        SMALL,
        "",
        "[[overlay]]\npath = \"/x\"",
        &[
            "recipe.toml:5:8: an overlay entry puts exactly one thing in place (give one of `content`, `source`, `symlink`, `directory = true`, `remove = true`)",
        ],
    ),
    (
        SMALL,
        "",
        "[[overlay]]\npath = \"/x\"\ncontent = \"\"\nsymlink = \"y\"",
        &[
            "recipe.toml:5:8: an overlay entry puts exactly one thing in place (give one of `content`, `source`, `symlink`, `directory = true`, `remove = true`)",
        ],
    ),
    (
        SMALL,
        "",
        "[[overlay]]\npath = \"/x\"\ncontent = \"\"\nmode = \"0888\"",
        &[r#"recipe.toml:7:8: `overlay.mode` is "0888" (a mode is written in octal, such as "0644")"#],
    ),
    (
        SMALL,
        "",
        "[[overlay]]\npath = \"/x\"\ncontent = \"\"\nmode = 644",
        &["recipe.toml:7:8: `overlay.mode` is an integer, not a string (write it in quotes)"],
    ),
    (
        SMALL,
        "",
        "[[overlay]]\npath = \"/x\"\nremove = true\nmode = \"0644\"",
        &["recipe.toml:7:8: `overlay.mode` means nothing here: what is removed has no mode"],
    ),
    (
        SMALL,
        "",
        "[[overlay]]\npath = \"/x\"\ncontent = \"\"\nuser = \"a b\"\ngroup = \"4294967295\"",
        &[
            r#"recipe.toml:7:8: `overlay.user` is "a b" (an owner is a name such as `www-data`, or a number)"#,
            r#"recipe.toml:8:9: `overlay.group` is "4294967295" (an id is a number below 4294967295)"#,
        ],
    ),
    (
        SMALL,
        "",
        "[[overlay]]\npath = \"/x\"\nsource = \"files/none\"",
        &["recipe.toml:6:10: cannot find `files/none`: No such file or directory (os error 2)"],
    ),
    (
        SMALL,
        "",
        "[[overlay]]\npath = \"/x\"\nsource = \"/etc/passwd\"",
        &["recipe.toml:6:10: `/etc/passwd` is no path below the recipe's directory"],
    ),
    (
        SMALL,
        "",
        "[[overlay]]\npath = \"/x\"\nsource = \"out\"",
        &["recipe.toml:6:10: `out` leads out of the recipe's directory"],
    ),
    (
        SMALL,
        "",
        "[[overlay]]\npath = \"/x\"\nsource = \"fifo\"",
        &["recipe.toml:6:10: cannot read `fifo`: it is not a regular file"],
    ),
    (
        SMALL,
        "",
        "[[overlay]]\npath = \"/x\"\nsource = \"files\"\nmode = \"0644\"",
        &[
            "recipe.toml:7:8: `overlay.mode` means nothing here: the files of a directory have modes of their own, by whether they are executable",
        ],
    ),
    (
        SMALL,
        "",
        "[[overlay]]\npath = \"/x\"\ncontent = \"\"\n[[overlay]]\npath = \"//x/\"\nremove = true",
        &["recipe.toml:8:8: `/x` has an overlay entry already, at recipe.toml:5:8"],
    ),
    (
        SMALL,
        "",
        "[[overlay]]\npath = \"/x\"\nsymlink = \"\"",
        &[r#"recipe.toml:6:11: `overlay.symlink` is "" (a link's target is a path)"#],
    ),
    (
        SMALL,
        "",
        "[configure.packages]\n\"A b\" = \"skip\"",
        &[
            r#"recipe.toml:5:1: `configure.packages` is "A b" (a package name is of lower-case letters, digits, `+`, `-` and `.`, at least two, a letter or digit first)"#,
        ],
    ),
    (
        SMALL,
        "",
        "[configure.debconf]\ntimezone = \"Etc\"",
        &[r#"recipe.toml:5:1: `configure.debconf` is "timezone" (a debconf question is named as in `tzdata/Areas`)"#],
    ),
    (
        SMALL,
        "",
        "[configure.debconf]\n\"a/b\" = \"one\\ntwo\"",
        &[r#"recipe.toml:5:9: `configure.debconf` is "one\ntwo" (an answer is one line)"#],
    ),
    (
        SMALL,
        "",
        "[initramfs]\nmodules = [\"e1000e; reboot\", \"../x\"]",
        &[
            r#"recipe.toml:5:11: `initramfs.modules` is "e1000e; reboot" (a module is named as in `modprobe`, or by a glob of names or of paths below `kernel/`)"#,
            r#"recipe.toml:5:11: `initramfs.modules` is "../x" (a module is named as in `modprobe`, or by a glob of names or of paths below `kernel/`)"#,
        ],
    ),
    (
        SMALL,
        "",
        "[diskless]\ninterface = \"lo\"\ndomain = \"-x.org\"\nsyslog = \"a b\"\nnameservers = [\"1.2.3\"]",
        &[
            r#"recipe.toml:5:13: `diskless.interface` is "lo" (an interface is named by up to 15 letters, digits, `.`, `_` and `-`, such as `eth0`)"#,
            r#"recipe.toml:6:10: `diskless.domain` is "-x.org" (a host name is of lower-case letters, digits and `-`, up to 63, no `-` first or last)"#,
            r#"recipe.toml:7:10: `diskless.syslog` is "a b" (a host name is of lower-case letters, digits and `-`, up to 63, no `-` first or last)"#,
            r#"recipe.toml:8:16: `diskless.nameservers` is "1.2.3" (an address is written as 192.168.1.10)"#,
        ],
    ),
    (
        SMALL,
        "",
        "[diskless]\ntmpfs = { \"/tmp\" = \"64\", \"/var/tmp\" = \"200%\", \"/usr\" = \"1M\", \"tmp\" = \"1M\", \"/proc/x\" = \"1M\" }",
        &[
            r#"recipe.toml:5:20: `diskless.tmpfs` is "64" (a size is written as `64M`, `2G` or `25%`)"#,
            r#"recipe.toml:5:39: `diskless.tmpfs` is "200%" (a size is written as `64M`, `2G` or `25%`)"#,
            r#"recipe.toml:5:47: `diskless.tmpfs` is "/usr" (a tmpfs there would hide the system itself)"#,
            r#"recipe.toml:5:62: `diskless.tmpfs` is "tmp" (use an absolute path of letters, digits, `.`, `_`, `+`, `-` and `@`, without `.` and `..`)"#,
            r#"recipe.toml:5:76: `diskless.tmpfs` is "/proc/x" (a tmpfs there would hide the system itself)"#,
        ],
    ),
    (
        SMALL,
        "",
        "[diskless]\ntmpfs = { \"/tmp\" = \"64M\", \"/tmp/\" = \"65M\" }",
        &["recipe.toml:5:27: `/tmp` has two sizes"],
    ),
    (
        SMALL,
        "",
        "[diskless]\nroot = \"iscsi\"",
        &[r#"recipe.toml:5:8: `diskless.root` is "iscsi", not one of "nfs", "overlay", "ram""#],
    ),
    (
        SMALL,
        "",
        "[diskless]\nkernel-arguments = [\"quiet splash\", \"a;reboot\", \"$x\"]",
        &[
            r#"recipe.toml:5:21: `diskless.kernel-arguments` is "quiet splash" (a kernel argument is one word of letters, digits and `._-,:=/@%+~`)"#,
            r#"recipe.toml:5:37: `diskless.kernel-arguments` is "a;reboot" (a kernel argument is one word of letters, digits and `._-,:=/@%+~`)"#,
            r#"recipe.toml:5:49: `diskless.kernel-arguments` is "$x" (a kernel argument is one word of letters, digits and `._-,:=/@%+~`)"#,
        ],
    ),
    (
        SMALL,
        "",
        "[output]\nstick = true",
        &["recipe.toml:5:9: `output.stick` boots nodes whose root is on a `[head]`, and there is none"],
    ),
    (
        CLUSTER,
        "suite = \"trixie\"",
        "suite = \"trixie\"\narchitecture = \"i386\"\n[output]\nstick = true",
        &[
            "recipe.toml:6:9: `output.stick` boots by UEFI, and Debian has no signed loader for i386 (it has one for amd64 and arm64; leave `stick` out and boot from the network)",
        ],
    ),
    (CLUSTER, "[diskless]\n", "", &["recipe.toml:4:1: `[head]` boots diskless nodes, and there is no `[diskless]`"]),
    (
        CLUSTER,
        "10.0.0.0/24",
        "10.0.0.1/24",
        &[r#"recipe.toml:9:11: `head.network` is "10.0.0.1/24" (this is an address in the network `10.0.0.0/24`)"#],
    ),
    (
        CLUSTER,
        "10.0.0.0/24",
        "10.0.0.0",
        &[r#"recipe.toml:9:11: `head.network` is "10.0.0.0" (a network is written as 192.168.1.0/24)"#],
    ),
    (
        CLUSTER,
        "10.0.0.0/24",
        "10.0.0.0/31",
        &[r#"recipe.toml:9:11: `head.network` is "10.0.0.0/31" (the prefix length is one from 8 to 30)"#],
    ),
    (
        CLUSTER,
        r#""10.0.0.100", "10.0.0.200""#,
        r#""10.0.0.100""#,
        &["recipe.toml:10:9: `head.range` has 2 elements, not 1"],
    ),
    (
        CLUSTER,
        r#""10.0.0.100", "10.0.0.200""#,
        r#""10.0.0.200", "10.0.0.100""#,
        &["recipe.toml:10:24: `head.range` ends before it begins"],
    ),
    (
        CLUSTER,
        "10.0.0.200",
        "10.0.1.200",
        &["recipe.toml:10:24: `head.range` 10.0.1.200: it is outside of the network `10.0.0.0/24` (recipe.toml:9:11)"],
    ),
    (
        CLUSTER,
        r#""10.0.0.100""#,
        r#""10.0.0.1""#,
        &["recipe.toml:10:10: `head.range` has the head's own address 10.0.0.1 in it"],
    ),
    (
        CLUSTER,
        r#"address = "10.0.0.1""#,
        r#"address = "192.168.7.1""#,
        &[
            "recipe.toml:7:11: `head.address` 192.168.7.1: it is outside of the network `10.0.0.0/24` (recipe.toml:9:11)",
        ],
    ),
    (
        CLUSTER,
        r#""10.0.0.10""#,
        r#""10.0.9.10""#,
        &["recipe.toml:14:11: `node.address` 10.0.9.10: it is outside of the network `10.0.0.0/24` (recipe.toml:9:11)"],
    ),
    (
        CLUSTER,
        r#""10.0.0.10""#,
        r#""10.0.0.0""#,
        &["recipe.toml:14:11: `node.address` 10.0.0.0: it is the address of the network itself"],
    ),
    (
        CLUSTER,
        r#""10.0.0.10""#,
        r#""10.0.0.255""#,
        &["recipe.toml:14:11: `node.address` 10.0.0.255: it is the network's broadcast address"],
    ),
    (
        CLUSTER,
        r#""10.0.0.10""#,
        r#""10.0.0.010""#,
        &[r#"recipe.toml:14:11: `node.address` is "10.0.0.010" (an address is written as 192.168.1.10)"#],
    ),
    (
        CLUSTER,
        r#""10.0.0.10""#,
        r#""10.0.0.1""#,
        &["recipe.toml:14:11: the address `10.0.0.1` is taken already, at recipe.toml:7:11"],
    ),
    (
        CLUSTER,
        r#"name = "a""#,
        r#"name = "head""#,
        &["recipe.toml:12:8: the name `head` is taken already, at recipe.toml:6:8"],
    ),
    (
        CLUSTER,
        r#"name = "a""#,
        r#"name = "default""#,
        &[
            r#"recipe.toml:12:8: `node.name` is "default" (the name is taken: every machine, or the boot loader, has a meaning for it)"#,
        ],
    ),
    (
        CLUSTER,
        r#"name = "a""#,
        r#"name = "Node_A""#,
        &[
            r#"recipe.toml:12:8: `node.name` is "Node_A" (a host name is of lower-case letters, digits and `-`, up to 63, no `-` first or last)"#,
        ],
    ),
    (
        CLUSTER,
        r#"name = "a""#,
        r#"name = "42""#,
        &[r#"recipe.toml:12:8: `node.name` is "42" (a host name of digits alone looks like an address)"#],
    ),
    (
        CLUSTER,
        r#"name = "a""#,
        "name = \"a\"\naliases = [\"a\", \"db.\"]",
        &[
            "recipe.toml:13:12: the name `a` is taken already, at recipe.toml:12:8",
            r#"recipe.toml:13:17: `node.aliases` is "db." (a host name is of lower-case letters, digits and `-`, up to 63, no `-` first or last)"#,
        ],
    ),
    (
        CLUSTER,
        "02:00:00:00:00:0a",
        "02:00:00:00:0a",
        &[r#"recipe.toml:13:7: `node.mac` is "02:00:00:00:0a" (a hardware address is written as 00:21:97:7d:ad:bf)"#],
    ),
    (
        CLUSTER,
        "02:00:00:00:00:0a",
        "ff:ff:ff:ff:ff:ff",
        &[r#"recipe.toml:13:7: `node.mac` is "ff:ff:ff:ff:ff:ff" (this address is of no single machine)"#],
    ),
    (
        SMALL,
        "",
        "[access]\nssh-keys = [\"ssh-ed25519 AAAAC3NzaC1lZDI1NTE5 me\", \"-----BEGIN OPENSSH PRIVATE KEY-----\"]",
        &[
            r#"recipe.toml:5:13: `access.ssh-keys` is "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5 me" (its bytes are those of no such key)"#,
            r#"recipe.toml:5:52: `access.ssh-keys` is "-----BEGIN OPENSSH PRIVATE KEY-----" (this is a private key: keep it, and write the line of its `.pub` file)"#,
        ],
    ),
    (
        SMALL,
        "",
        "[access]\nssh-keys = [\"command=\\\"x\\\" ssh-rsa AAAA\"]",
        &[
            r#"recipe.toml:5:13: `access.ssh-keys` is "command=\"x\" ssh-rsa AAAA" (a key is written as in a `.pub` file, and begins with one of ssh-ed25519, ssh-rsa, ecdsa-sha2-nistp256, ecdsa-sha2-nistp384, ecdsa-sha2-nistp521, sk-ssh-ed25519@openssh.com, sk-ecdsa-sha2-nistp256@openssh.com)"#,
        ],
    ),
    (
        SMALL,
        "",
        "[output]\nsupplier = \"A (B)\"",
        &[
            r#"recipe.toml:5:12: `output.supplier` is "A (B)" (it is the name of people or of an organization: one line without parentheses)"#,
        ],
    ),
    (
        CLUSTER,
        "[diskless]",
        "[diskless]\ninterface = \"eth0.4095\"",
        &[
            r#"recipe.toml:5:13: `diskless.interface` is "eth0.4095" (a VLAN is written as its card and its number, from 1 to 4094: `eth0.100`)"#,
        ],
    ),
    (
        CLUSTER,
        "[diskless]",
        "[diskless]\ninterface = \"bond0\"",
        &[
            r#"recipe.toml:5:13: `diskless.interface` is a bond, and `bond` does not say of which cards: bond0 (write bond = { members = ["eth0", "eth1"] }, or name one card)"#,
        ],
    ),
    (
        CLUSTER,
        "[diskless]",
        "[diskless]\nbond = { members = [\"eth0\"] }",
        &[
            r#"recipe.toml:5:8: `diskless.bond` needs an `interface` that is a bond (name it `interface = "bond0"`, or `"bond0.100"` for a VLAN of it)"#,
        ],
    ),
    (
        CLUSTER,
        "[diskless]",
        "[diskless]\ninterface = \"bond0\"\nbond = { members = [\"eth0\", \"eth0\", \"eth1.5\"] }",
        &[
            r#"recipe.toml:6:37: `diskless.bond.members` is "eth1.5" (this is a VLAN and no card: a bond is of cards, and the VLAN is of the bond)"#,
        ],
    ),
    (
        CLUSTER,
        "[diskless]",
        "[diskless]\ninterface = \"bond0.7\"\nbond = { members = [\"eth0\", \"eth0\"] }",
        &["recipe.toml:6:29: `eth0` is in the bond already"],
    ),
    (
        CLUSTER,
        "[diskless]",
        "[diskless]\ninterface = \"bond0\"\nbond = { members = [] }",
        &["recipe.toml:6:8: `diskless.bond.members` names no card"],
    ),
    (
        CLUSTER,
        "[diskless]",
        "[diskless]\ninterface = \"ib0\"",
        &[
            r#"recipe.toml:5:13: `diskless.interface` is "ib0" (no initramfs of Debian's asks for an address over InfiniBand: name an Ethernet card)"#,
        ],
    ),
    (
        CLUSTER,
        "",
        "[[node]]\nname = \"b\"\nmac = \"02-00-00-00-00-0A\"\naddress = \"10.0.0.11\"",
        &["recipe.toml:17:7: the hardware address `02-00-00-00-00-0A` is taken already, at recipe.toml:13:7"],
    ),
    (
        CLUSTER,
        "",
        r#"services = ["mariadb.socket", "a b"]"#,
        &[
            r#"recipe.toml:15:13: `node.services` is "mariadb.socket" (a service is named as its unit without `.service`, such as `mariadb`)"#,
            r#"recipe.toml:15:31: `node.services` is "a b" (a service is named as its unit without `.service`, such as `mariadb`)"#,
        ],
    ),
    (
        CLUSTER,
        "",
        r#"root = "usb""#,
        &[r#"recipe.toml:15:8: `node.root` is "usb", not one of "nfs", "overlay", "ram""#],
    ),
    (
        CLUSTER,
        r#"interface = "eth1""#,
        r#"interface = "eth1; x""#,
        &[
            r#"recipe.toml:8:13: `head.interface` is "eth1; x" (an interface is named by up to 15 letters, digits, `.`, `_` and `-`, such as `eth0`)"#,
        ],
    ),
    (
        CLUSTER,
        r#"interface = "eth1""#,
        "interface = \"eth1\"\nboot = \"ipx\"",
        &[r#"recipe.toml:9:8: `head.boot` is "ipx", not "pxe" or "ipxe" (did you mean "ipxe"?)"#],
    ),
    (
        CLUSTER,
        r#"interface = "eth1""#,
        "interface = \"eth1\"\ntftp-server = \"tftp-hpa\"",
        &[
            r#"recipe.toml:9:15: `head.tftp-server` is "tftp-hpa", not "dnsmasq" or "tftpd-hpa" (did you mean "tftpd-hpa"?)"#,
        ],
    ),
    (
        CLUSTER,
        r#"interface = "eth1""#,
        "interface = \"eth1\"\nlease = \"12 hours\"\nexport = \"/\"\ntftp = \"srv/tftp\"",
        &[
            r#"recipe.toml:9:9: `head.lease` is "12 hours" (a lease is written as `45m`, `12h` or `infinite`)"#,
            r#"recipe.toml:10:10: `head.export` is "/" (this is the head's own root)"#,
            r#"recipe.toml:11:8: `head.tftp` is "srv/tftp" (use an absolute path of letters, digits, `.`, `_`, `+`, `-` and `@`, without `.` and `..`)"#,
        ],
    ),
    (
        CLUSTER,
        r#"interface = "eth1""#,
        "interface = \"eth1\"\nexport = \"/root\"\ntftp = \"/etc\"",
        &[
            r#"recipe.toml:9:10: `head.export` is "/root" (the system has other things there; use a directory such as one below `/srv`)"#,
            r#"recipe.toml:10:8: `head.tftp` is "/etc" (the system has other things there; use a directory such as one below `/srv`)"#,
        ],
    ),
    (
        CLUSTER,
        r#"interface = "eth1""#,
        "interface = \"eth1\"\nexport = \"/usr/lib/x\"\ntftp = \"/srv/\"",
        &[
            r#"recipe.toml:9:10: `head.export` is "/usr/lib/x" (the system has other things there; use a directory such as one below `/srv`)"#,
            r#"recipe.toml:10:8: `head.tftp` is "/srv/" (the system has other things there; use a directory such as one below `/srv`)"#,
        ],
    ),
    (
        PAIR,
        "[head.standby]\nname = \"spare\"\nown-address = \"10.0.0.3\"\n",
        "",
        &["recipe.toml:9:15: `head.own-address` is for a head whose `address` moves, and there is no `[head.standby]`"],
    ),
    (
        PAIR,
        "own-address = \"10.0.0.2\"\n",
        "",
        &[
            "recipe.toml:6:1: `head.own-address` is missing (`head.address` moves to the standby; give the head one that stays)",
        ],
    ),
    (PAIR, "own-address = \"10.0.0.3\"\n", "", &["recipe.toml:13:1: `head.standby.own-address` is missing"]),
    (
        PAIR,
        "root = \"overlay\"",
        "root = \"nfs\"",
        &[
            r#"recipe.toml:5:8: with `[head.standby]` no node can have the root `nfs`, which is written to on one head alone (write "overlay" or "ram")"#,
        ],
    ),
    (
        PAIR,
        "root = \"overlay\"\n",
        "",
        &[
            r#"recipe.toml:4:1: with `[head.standby]` no node can have the root `nfs`, which is written to on one head alone (write root = "overlay" or "ram")"#,
        ],
    ),
    (
        PAIR,
        "",
        "root = \"nfs\"",
        &[
            r#"recipe.toml:22:8: with `[head.standby]` no node can have the root `nfs`, which is written to on one head alone (write "overlay" or "ram")"#,
        ],
    ),
    (
        PAIR,
        ", \"erofs\"",
        "",
        &[
            r#"recipe.toml:13:1: the root `overlay` of two heads is one erofs image on both: a directory has other file handles on each (add "erofs" to the formats of `[output]`)"#,
        ],
    ),
    (
        PAIR,
        "\"10.0.0.200\"",
        "\"10.0.0.100\"",
        &["recipe.toml:12:24: `head.range` has one address, and each of the two heads needs its own part of it"],
    ),
    (
        PAIR,
        "\"10.0.0.3\"",
        "\"10.0.0.10\"",
        &["recipe.toml:21:11: the address `10.0.0.10` is taken already, at recipe.toml:15:15"],
    ),
    (
        PAIR,
        "\"10.0.0.3\"",
        "\"10.0.0.130\"",
        &["recipe.toml:12:10: `head.range` has the head's own address 10.0.0.130 in it"],
    ),
    (
        PAIR,
        "\"10.0.0.2\"",
        "\"10.0.1.2\"",
        &[
            "recipe.toml:9:15: `head.own-address` 10.0.1.2: it is outside of the network `10.0.0.0/24` (recipe.toml:11:11)",
        ],
    ),
    (
        PAIR,
        "name = \"spare\"",
        "name = \"a\"",
        &["recipe.toml:19:8: the name `a` is taken already, at recipe.toml:14:8"],
    ),
    (
        PAIR,
        "name = \"spare\"",
        "name = \"spare\"\nadress = \"10.0.0.4\"",
        &["recipe.toml:15:1: unknown key `head.standby.adress` (known here: aliases, interface, name, own-address)"],
    ),
    (
        SMALL,
        "",
        "[[node]]\nname = \"a\"\nmac = \"02:00:00:00:00:0a\"\naddress = \"10.0.0.10\"",
        &["recipe.toml:4:1: a `[[node]]` needs a `[head]` to boot from"],
    ),
];

fn spoilt(good: &str, from: &str, to: &str) -> String {
    if from.is_empty() {
        return format!("{good}{to}\n");
    }
    assert!(good.contains(from), "{from}");
    good.replacen(from, to, 1)
}

/// Values as options, paths, commands, URLs with secrets, keys twice, no numbers, NUL: each is refused with its place.
#[test]
fn case_70_what_is_wrong_is_said_with_its_place() {
    let world = World::new();
    for (good, from, to, wanted) in BAD {
        assert_eq!(world.bad(&spoilt(good, from, to)), *wanted, "{to}");
    }
}

/// A card by any name is one; what no initramfs makes of cards, or no card of a network that machines boot from, says the way on.
#[test]
fn c5_what_no_initramfs_sets_up_is_no_boot_interface() {
    for (name, way) in [
        ("eth0.0", "from 1 to 4094"),
        ("eth0.4095", "from 1 to 4094"),
        ("eth0.007", "from 1 to 4094"),
        ("eth0.1.2", "from 1 to 4094"),
        ("vlan5", "its card and its number"),
        ("team1", "a bond (`bond0`)"),
        ("br0", "a bond (`bond0`)"),
        ("br0.3", "a bond (`bond0`)"),
        ("ib0", "Ethernet card"),
        ("wlan0", "Ethernet card"),
    ] {
        let said = grammar::boot_interface(name).expect_err(name).to_string();
        assert!(said.contains(way), "{name}: {said}");
    }
    for name in ["eth0", "enp1s0", "eno1np0", "ens3f1", "brdg", "eth0.100", "enp1s0.4094", "bond0", "bond12.1"] {
        assert!(grammar::boot_interface(name).is_ok(), "{name}");
    }
}

/// A Raspberry Pi's own loader wants files for arm64, and a directory for each board: said before anything is built.
#[test]
fn a_raspberry_pi_has_a_head_that_can_serve_it() {
    for package in ["raspi-firmware", "raspi-firmware=1.*", "raspi-firmware/trixie"] {
        let text = spoilt(CLUSTER, "name = \"x\"", &format!("name = \"x\"\npackages = [\"{package}\"]"));
        let said = parse(&text, Path::new("/")).expect_err("no files for it").to_string();
        assert!(said.contains("a Raspberry Pi's own loader") && said.contains("arm64"), "{package}: {said}");
        let arm64 = spoilt(&text, "suite = \"trixie\"", "suite = \"trixie\"\narchitecture = \"arm64\"");
        assert!(parse(&arm64, Path::new("/")).expect("it can").has_raspberry_pis());
        let tftpd = spoilt(&arm64, "[head]\n", "[head]\ntftp-server = \"tftpd-hpa\"\n");
        let said = parse(&tftpd, Path::new("/")).expect_err("it has one directory").to_string();
        assert!(said.contains("tftpd-hpa") && said.contains("dnsmasq serves the files"), "{package}: {said}");
    }
    let alone =
        "name = \"x\"\npackages = [\"raspi-firmware\"]\n[debian]\nsuite = \"trixie\"\narchitecture = \"arm64\"\n";
    parse(alone, Path::new("/")).unwrap_or_else(|error| panic!("a root for a card: {error}"));
}
