//! Mailman: the password of its interface.

use super::own::NOTHING;
use super::own::Own;
use super::own::Text;
use super::own::Word;
use super::own::blank;
use super::package::Package;

/// What is known of it.
pub(super) const PACKAGE: Package = Package {
    own: &[Own {
        package: "mailman3",
        units: &["mailman3.service"],
        words: &[MAILMAN],
        texts: &[Text { path: "/etc/mailman3/mailman.cfg", blanks: &[blank("\nadmin_pass: ", "\n", MAILMAN.name)] }],
        ..NOTHING
    }],
    ..Package::of("mailman3")
};

const MAILMAN: Word = Word { name: "mailman", make: "draw A-Za-z0-9 48" };
