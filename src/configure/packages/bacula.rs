//! Bacula: six passwords that its daemons and its console share.

use super::own::NOTHING;
use super::own::Own;
use super::own::Text;
use super::own::Word;
use super::own::blank;
use super::package::Package;

/// What is known of it.
pub(super) const PACKAGE: Package = Package {
    own: &[
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
            &[
                BACULA_DEFAULTS,
                Text { path: "/etc/bacula/bat.conf", blanks: &[blank(PASSWORD, "\"", "bacula-director")] },
            ],
        ),
    ],
    ..Package::of("bacula")
};

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
