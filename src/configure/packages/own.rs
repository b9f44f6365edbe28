//! The packages whose scripts make what is each machine's own, as their maintainer scripts in trixie and bookworm do.
//!
//! Each line says what a script makes and how a node makes the same. Where the name of a thing is also the name of a
//! package it stands here and nowhere else.

use self::Kindred::Names;
use self::Kindred::Secrets;

/// What the scripts of a package make that is each machine's own.
#[derive(Debug)]
pub(in crate::configure) struct Own {
    /// The package.
    pub(in crate::configure) package: &'static str,
    /// Which part of the program makes it.
    pub(in crate::configure) kind: Kindred,
    /// Units that do not start without it.
    pub(in crate::configure) units: &'static [&'static str],
    /// What is drawn for configuration files.
    pub(in crate::configure) words: &'static [Word],
    /// Whole files.
    pub(in crate::configure) files: &'static [File],
    /// Configuration files in which words stand.
    pub(in crate::configure) texts: &'static [Text],
}

/// When and from what something is made.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(in crate::configure) enum Kindred {
    /// Of the machine's id, before the network, the same at each boot.
    Names,
    /// Drawn once and kept.
    Secrets,
}

/// A word that is drawn once and may stand in several files.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::configure) struct Word {
    pub(in crate::configure) name: &'static str,
    /// A command that prints it.
    pub(in crate::configure) make: &'static str,
}

/// A file that is made whole.
#[derive(Debug)]
pub(in crate::configure) struct File {
    pub(in crate::configure) path: &'static str,
    /// `user:group`.
    pub(in crate::configure) owner: &'static str,
    pub(in crate::configure) mode: u32,
    /// A command that writes `"$new"`; empty: a unit of the package makes the file where it is missing.
    pub(in crate::configure) make: &'static str,
    /// Whether a link holds the place from the beginning: systemd-tmpfiles would put something there otherwise.
    pub(in crate::configure) held: bool,
}

/// A configuration file with words in it. Owner and mode are what the script gave it.
#[derive(Debug)]
pub(in crate::configure) struct Text {
    pub(in crate::configure) path: &'static str,
    pub(in crate::configure) blanks: &'static [Blank],
}

/// Where a word stands: between two texts. Of several blanks with the same text before them each is for the next
/// place.
#[derive(Debug)]
pub(in crate::configure) struct Blank {
    pub(in crate::configure) before: &'static str,
    pub(in crate::configure) after: &'static str,
    pub(in crate::configure) word: &'static str,
}

/// A package that makes nothing, to be completed.
const NOTHING: Own = Own { package: "", kind: Secrets, units: &[], words: &[], files: &[], texts: &[] };

const fn file(path: &'static str, owner: &'static str, mode: u32, make: &'static str) -> File {
    File { path, owner, mode, make, held: false }
}

const fn blank(before: &'static str, after: &'static str, word: &'static str) -> Blank {
    Blank { before, after, word }
}

// --- Bacula: six passwords that its daemons and its console share ------------------------------------------------

const BACULA: [Word; 6] = [
    Word { name: "bacula-director", make: "draw A-Za-z0-9 33" },
    Word { name: "bacula-director-monitor", make: "draw A-Za-z0-9 33" },
    Word { name: "bacula-storage", make: "draw A-Za-z0-9 33" },
    Word { name: "bacula-storage-monitor", make: "draw A-Za-z0-9 33" },
    Word { name: "bacula-file", make: "draw A-Za-z0-9 33" },
    Word { name: "bacula-file-monitor", make: "draw A-Za-z0-9 33" },
];

/// What further packages of Bacula take their passwords from.
const BACULA_DEFAULTS: Text = Text {
    path: "/etc/bacula/common_default_passwords",
    blanks: &[
        blank("\nDIRPASSWD=", "\n", "bacula-director"),
        blank("\nDIRMPASSWD=", "\n", "bacula-director-monitor"),
        blank("\nSDPASSWD=", "\n", "bacula-storage"),
        blank("\nSDMPASSWD=", "\n", "bacula-storage-monitor"),
        blank("\nFDPASSWD=", "\n", "bacula-file"),
        blank("\nFDMPASSWD=", "\n", "bacula-file-monitor"),
    ],
};

const PASSWORD: &str = "Password = \"";

const fn bacula(package: &'static str, units: &'static [&'static str], texts: &'static [Text]) -> Own {
    Own { package, units, words: &BACULA, texts, ..NOTHING }
}

// --- The certificate that stands for a real one --------------------------------------------------------------------

const SNAKEOIL_KEY: File = file("/etc/ssl/private/ssl-cert-snakeoil.key", "root:ssl-cert", 0o640, "key 2048");
const SNAKEOIL_CERTIFICATE: File = file(
    "/etc/ssl/certs/ssl-cert-snakeoil.pem",
    "root:root",
    0o644,
    "certificate /etc/ssl/private/ssl-cert-snakeoil.key 3650",
);

/// A server whose configuration names that certificate, or a link to it.
const fn with_snakeoil(package: &'static str, units: &'static [&'static str]) -> Own {
    Own { package, units, files: &[SNAKEOIL_KEY, SNAKEOIL_CERTIFICATE], ..NOTHING }
}

const MAILMAN: Word = Word { name: "mailman", make: "draw A-Za-z0-9 48" };

/// All of them.
pub(in crate::configure) const DECLARED: &[Own] = &[
    bacula("bacula-common", &[], &[BACULA_DEFAULTS]),
    bacula(
        "bacula-fd",
        &["bacula-fd.service"],
        &[
            BACULA_DEFAULTS,
            Text {
                path: "/etc/bacula/bacula-fd.conf",
                blanks: &[blank(PASSWORD, "\"", "bacula-file"), blank(PASSWORD, "\"", "bacula-file-monitor")],
            },
        ],
    ),
    bacula(
        "bacula-sd",
        &["bacula-sd.service"],
        &[
            BACULA_DEFAULTS,
            Text {
                path: "/etc/bacula/bacula-sd.conf",
                blanks: &[blank(PASSWORD, "\"", "bacula-storage"), blank(PASSWORD, "\"", "bacula-storage-monitor")],
            },
        ],
    ),
    bacula(
        "bacula-director",
        &["bacula-director.service"],
        &[
            BACULA_DEFAULTS,
            Text {
                path: "/etc/bacula/bacula-dir.conf",
                // Two stand in comments that show how further daemons are added.
                blanks: &[
                    blank(PASSWORD, "\"", "bacula-director"),
                    blank(PASSWORD, "\"", "bacula-file"),
                    blank(PASSWORD, "2\"", "bacula-file"),
                    blank(PASSWORD, "\"", "bacula-storage"),
                    blank(PASSWORD, "\"", "bacula-storage"),
                    blank(PASSWORD, "\"", "bacula-storage"),
                    blank(PASSWORD, "\"", "bacula-director-monitor"),
                ],
            },
        ],
    ),
    bacula(
        "bacula-console",
        &[],
        &[
            BACULA_DEFAULTS,
            Text { path: "/etc/bacula/bconsole.conf", blanks: &[blank(PASSWORD, "\"", "bacula-director")] },
        ],
    ),
    bacula(
        "bacula-console-qt",
        &[],
        &[BACULA_DEFAULTS, Text { path: "/etc/bacula/bat.conf", blanks: &[blank(PASSWORD, "\"", "bacula-director")] }],
    ),
    Own {
        package: "bind9",
        units: &["named.service"],
        files: &[file("/etc/bind/rndc.key", "bind:bind", 0o640, "rndc-confgen -a -c \"$new\" >/dev/null 2>&1")],
        ..NOTHING
    },
    Own {
        package: "brltty",
        units: &["brltty.service"],
        files: &[file("/etc/brlapi.key", "root:root", 0o640, "draw a-f0-9 32 >\"$new\"")],
        ..NOTHING
    },
    Own {
        package: "curvedns",
        units: &["curvedns.service"],
        words: &[Word { name: "curvedns", make: "curvedns-keygen" }],
        files: &[
            file(
                "/etc/curvedns/curvedns_private_key.hex",
                "root:root",
                0o600,
                "sed -n 's/^Hex secret key:[[:space:]]*/CURVEDNS_PRIVATE_KEY=/p' \"$words/curvedns\" >\"$new\"",
            ),
            file("/etc/curvedns/README", "root:root", 0o644, "grep -i public \"$words/curvedns\" >\"$new\""),
        ],
        ..NOTHING
    },
    // Its own unit makes them where they lack.
    Own {
        package: "dnssec-trigger",
        files: &[
            file("/etc/dnssec-trigger/dnssec_trigger_server.key", "", 0, ""),
            file("/etc/dnssec-trigger/dnssec_trigger_server.pem", "", 0, ""),
            file("/etc/dnssec-trigger/dnssec_trigger_control.key", "", 0, ""),
            file("/etc/dnssec-trigger/dnssec_trigger_control.pem", "", 0, ""),
        ],
        ..NOTHING
    },
    with_snakeoil("dovecot-core", &["dovecot.service"]),
    Own {
        package: "dropbear",
        units: &["dropbear.service"],
        files: &[
            file(
                "/etc/dropbear/dropbear_rsa_host_key",
                "root:root",
                0o600,
                "dropbearkey -t rsa -f \"$new\" >/dev/null",
            ),
            file(
                "/etc/dropbear/dropbear_ecdsa_host_key",
                "root:root",
                0o600,
                "dropbearkey -t ecdsa -f \"$new\" >/dev/null",
            ),
            file(
                "/etc/dropbear/dropbear_ed25519_host_key",
                "root:root",
                0o600,
                "dropbearkey -t ed25519 -f \"$new\" >/dev/null",
            ),
        ],
        ..NOTHING
    },
    Own {
        package: "ejabberd",
        units: &["ejabberd.service"],
        files: &[file("/etc/ejabberd/ejabberd.pem", "root:ejabberd", 0o640, "key_and_certificate 365")],
        ..NOTHING
    },
    Own {
        package: "freeradius-config",
        units: &["freeradius.service"],
        // A group that everybody knows (RFC 7919) is stronger than the 1,024 bits that the script draws.
        files: &[
            SNAKEOIL_KEY,
            SNAKEOIL_CERTIFICATE,
            file(
                "/etc/freeradius/3.0/certs/dh",
                "root:freerad",
                0o640,
                "openssl genpkey -quiet -genparam -algorithm DH -pkeyopt group:ffdhe2048 -out \"$new\"",
            ),
        ],
        ..NOTHING
    },
    Own {
        package: "ircd-hybrid",
        units: &["ircd-hybrid.service"],
        files: &[
            file("/etc/ircd-hybrid/key/ircd.key", "irc:irc", 0o600, "key 2048"),
            file("/etc/ircd-hybrid/key/ircd.pem", "irc:irc", 0o644, "certificate /etc/ircd-hybrid/key/ircd.key 365"),
            file(
                "/etc/ircd-hybrid/key/dhparam.pem",
                "root:root",
                0o644,
                "openssl genpkey -quiet -genparam -algorithm DH -pkeyopt group:ffdhe2048 -out \"$new\"",
            ),
        ],
        ..NOTHING
    },
    Own {
        package: "mailman3",
        units: &["mailman3.service"],
        words: &[MAILMAN],
        texts: &[Text { path: "/etc/mailman3/mailman.cfg", blanks: &[blank("\nadmin_pass: ", "\n", MAILMAN.name)] }],
        ..NOTHING
    },
    Own {
        package: "miniupnpd",
        units: &["miniupnpd.service"],
        words: &[Word { name: "miniupnpd", make: "cat /proc/sys/kernel/random/uuid" }],
        texts: &[Text { path: "/etc/miniupnpd/miniupnpd.conf", blanks: &[blank("\nuuid=", "\n", "miniupnpd")] }],
        ..NOTHING
    },
    // A cluster's nodes have one key, which none of them can make: it comes from the recipe.
    Own { package: "munge", files: &[file("/etc/munge/munge.key", "", 0, "")], ..NOTHING },
    Own {
        package: "nsd",
        units: &["nsd.service"],
        files: &[
            file("/etc/nsd/nsd_server.key", "root:root", 0o640, "key 3072"),
            file("/etc/nsd/nsd_server.pem", "root:root", 0o640, "certificate /etc/nsd/nsd_server.key 7200 nsd"),
            file("/etc/nsd/nsd_control.key", "root:root", 0o640, "key 3072"),
            file(
                "/etc/nsd/nsd_control.pem",
                "root:root",
                0o640,
                "openssl req -new -batch -sha256 -key \"$(at /etc/nsd/nsd_control.key)\" -subj /CN=nsd-control | \
                 openssl x509 -req -sha256 -days 7200 -CA \"$(at /etc/nsd/nsd_server.pem)\" \
                 -CAkey \"$(at /etc/nsd/nsd_server.key)\" -set_serial \"0x1$(draw a-f0-9 15)\" -out \"$new\" \
                 2>/dev/null",
            ),
        ],
        ..NOTHING
    },
    Own {
        package: "nvme-cli",
        kind: Names,
        units: &["nvmf-autoconnect.service", "nvmf-connect@.service", "nvmefc-boot-connections.service"],
        files: &[
            file(
                "/etc/nvme/hostnqn",
                "root:root",
                0o644,
                "id=$(id_for nvme) && echo \"nqn.2014-08.org.nvmexpress:uuid:$id\" >\"$new\"",
            ),
            file("/etc/nvme/hostid", "root:root", 0o644, "id_for nvme >\"$new\""),
        ],
        ..NOTHING
    },
    Own {
        package: "oar-server",
        units: &["oar-server.service"],
        files: &[
            file(
                "/var/lib/oar/.ssh/id_rsa",
                "oar:oar",
                0o600,
                "ssh-keygen -q -t rsa -N '' -f \"$new\" && rm -f \"$new.pub\"",
            ),
            file(
                "/var/lib/oar/.ssh/id_rsa.pub",
                "oar:oar",
                0o644,
                "ssh-keygen -y -f \"$(at /var/lib/oar/.ssh/id_rsa)\" >\"$new\"",
            ),
            file(
                "/var/lib/oar/.ssh/authorized_keys",
                "oar:oar",
                0o644,
                "{ printf 'environment=\"OAR_KEY=1\" '; cat \"$(at /var/lib/oar/.ssh/id_rsa.pub)\"; } >\"$new\"",
            ),
        ],
        ..NOTHING
    },
    Own {
        package: "open-iscsi",
        kind: Names,
        units: &["iscsid.service", "open-iscsi.service"],
        files: &[file(
            "/etc/iscsi/initiatorname.iscsi",
            "root:root",
            0o600,
            "id=$(id_for iscsi) && echo \"InitiatorName=iqn.1993-08.org.debian:01:$(echo \"$id\" | tr -d - | head -c 12)\" \
             >\"$new\"",
        )],
        ..NOTHING
    },
    Own {
        package: "openiked",
        units: &["openiked.service"],
        files: &[
            file(
                "/etc/iked/private/local.key",
                "root:root",
                0o600,
                "openssl ecparam -genkey -name prime256v1 -noout -out \"$new\"",
            ),
            file(
                "/etc/iked/local.pub",
                "root:root",
                0o644,
                "openssl ec -in \"$(at /etc/iked/private/local.key)\" -pubout -out \"$new\" 2>/dev/null",
            ),
        ],
        ..NOTHING
    },
    Own {
        package: "pacemaker-common",
        units: &["pacemaker.service", "pacemaker_remote.service"],
        files: &[file("/etc/pacemaker/authkey", "root:haclient", 0o640, "head -c 4096 /dev/urandom >\"$new\"")],
        ..NOTHING
    },
    Own {
        package: "partimage-server",
        units: &["partimaged.service"],
        files: &[
            file("/etc/partimaged/partimaged.key", "partimag:partimag", 0o600, "key 2048"),
            file(
                "/etc/partimaged/partimaged.cert",
                "partimag:partimag",
                0o600,
                "certificate /etc/partimaged/partimaged.key 30",
            ),
        ],
        ..NOTHING
    },
    Own {
        package: "postsrsd",
        units: &["postsrsd.service"],
        files: &[file("/etc/postsrsd.secret", "root:root", 0o600, "head -c 24 /dev/urandom | base64 -w0 >\"$new\"")],
        ..NOTHING
    },
    Own {
        package: "quassel-core",
        units: &["quasselcore.service"],
        files: &[file("/var/lib/quassel/quasselCert.pem", "quasselcore:quassel", 0o640, "key_and_certificate 680")],
        ..NOTHING
    },
    Own {
        package: "rabbitmq-server",
        units: &["rabbitmq-server.service"],
        files: &[file(
            "/var/lib/rabbitmq/.erlang.cookie",
            "rabbitmq:rabbitmq",
            0o400,
            "openssl rand -base64 -out \"$new\" 42",
        )],
        ..NOTHING
    },
    Own {
        package: "roundcube-core",
        units: &["apache2.service"],
        words: &[Word { name: "roundcube", make: "draw A-Za-z0-9 24" }],
        texts: &[Text {
            path: "/etc/roundcube/config.inc.php",
            blanks: &[blank("\n$config['des_key'] = '", "'", "roundcube")],
        }],
        ..NOTHING
    },
    Own {
        package: "shadowsocks-libev",
        units: &[
            "shadowsocks-libev.service",
            "shadowsocks-libev-local@.service",
            "shadowsocks-libev-redir@.service",
            "shadowsocks-libev-server@.service",
            "shadowsocks-libev-tunnel@.service",
        ],
        words: &[Word { name: "shadowsocks", make: "draw A-Za-z0-9 12" }],
        texts: &[Text {
            path: "/etc/shadowsocks-libev/config.json",
            blanks: &[blank("\"password\":\"", "\"", "shadowsocks")],
        }],
        ..NOTHING
    },
    with_snakeoil("ssl-cert", &[]),
    // At boot systemd-tmpfiles would put an id there, on a shared root one for all nodes.
    Own {
        package: "varnish",
        units: &["varnish.service"],
        files: &[File {
            held: true,
            ..file("/etc/varnish/secret", "root:root", 0o600, "cat /proc/sys/kernel/random/uuid >\"$new\"")
        }],
        ..NOTHING
    },
    Own {
        package: "xrdp",
        units: &["xrdp.service", "xrdp-sesman.service"],
        files: &[
            SNAKEOIL_KEY,
            SNAKEOIL_CERTIFICATE,
            file("/etc/xrdp/rsakeys.ini", "xrdp:root", 0o600, "xrdp-keygen xrdp \"$new\" >/dev/null"),
        ],
        ..NOTHING
    },
];
