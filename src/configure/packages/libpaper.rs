//! paperconf(1): the name of the paper.

use super::package::Package;
use crate::utilities::Call;
use crate::utilities::Done;
use crate::utilities::Fault;
use crate::utilities::show;

/// What is known of it.
pub(super) const PACKAGE: Package = Package { commands: &[("paperconf", paper)], ..Package::of("libpaper") };

/// `paperconf`: the name of the paper that the machine's file has, or that of the locale of no country.
fn paper(call: &mut Call<'_, '_>) -> Done {
    if !call.args.is_empty() {
        return Err(Fault::gap(show(&call.args.join(&b' '))));
    }
    let text = match call.look(b"/etc/papersize", true) {
        Some(_) => show(&call.read(b"/etc/papersize")?),
        None => String::new(),
    };
    let lines = text.lines().map(|line| line.split('#').next().unwrap_or_default().trim());
    let named = lines.into_iter().find(|line| !line.is_empty()).unwrap_or("a4").to_owned();
    call.out(named + "\n").map(|()| 0)
}
