//! find(1): tests, operators and actions as scripts use them.

mod evaluate;
mod expression;
mod parse;

use super::Call;
use super::Command;
use super::Done;
use super::Fault;
use super::show;
use evaluate::Found;
use evaluate::evaluate;
use evaluate::in_a_circle;
use expression::Below;
use expression::Execute;
use expression::Expression;
use expression::Walk;
use expression::wrong;
use parse::Parser;

/// The family's commands.
pub(super) const COMMANDS: &[(&str, Command)] = &[("find", find)];

/// Directories inside each other; links followed by `-L` can make more than any tree has.
const DEPTH_MAX: usize = 1024;

fn find(call: &mut Call<'_, '_>) -> Done {
    let mut walk = Walk::default();
    let mut rest = call.args;
    while let [first, tail @ ..] = rest {
        match first.as_slice() {
            b"-L" => walk.follow = true,
            b"-P" => walk.follow = false,
            b"-H" => walk.follow_operands = true,
            _ => break,
        }
        rest = tail;
    }
    let begins = |word: &Vec<u8>| word.len() > 1 && word[0] == b'-' || matches!(word.as_slice(), b"(" | b"!");
    let count = rest.iter().position(begins).unwrap_or(rest.len());
    let (roots, words) = rest.split_at(count);
    let roots = if roots.is_empty() { vec![b".".to_vec()] } else { roots.to_vec() };
    let mut parser = Parser { words, position: 0, acts: false, depth: 0, syntax: None, day_start: false };
    let expression = if words.is_empty() { Expression::True(true) } else { parser.or(call, &mut walk)? };
    if parser.position < words.len() {
        return Err(wrong(&words[parser.position]));
    }
    if parser.words.iter().any(|word| word == b"-delete")
        && parser.words.iter().any(|word| word == b"-prune")
        && !parser.words.iter().any(|word| matches!(word.as_slice(), b"-depth" | b"-d"))
    {
        return Err(Fault::failed("The -delete action automatically turns on -depth, but -prune does nothing then"));
    }
    let expression = if parser.acts { expression } else { Expression::And(vec![expression, Expression::Print(b"\n")]) };
    for root in roots {
        call.can_list(&root)?;
        let follow = walk.follow || walk.follow_operands || root.ends_with(b"/");
        let Some(inode) = call.look(&root, follow).or_else(|| call.look(&root, false)) else {
            call.err(&format!("'{}': No such file or directory", show(&root)))?;
            walk.status = 1;
            continue;
        };
        let own = call.resolve(&root, root.ends_with(b"/"))?;
        let absolute = call.absolute(&root);
        let place = match call.tree().resolve(&absolute, follow) {
            Err(crate::tree::Error::Loop(_)) => {
                in_a_circle(call, &mut walk, &root)?;
                continue;
            }
            place => place.ok().filter(|place| call.tree().get(place).is_some()),
        };
        let found =
            Found { path: &root, place: &place.unwrap_or_else(|| own.clone()), own: &own, inode: &inode, depth: 0 };
        visit(call, &expression, &mut walk, &found)?;
        if walk.quit {
            break;
        }
    }
    finish(call, &expression, &mut walk)?;
    Ok(walk.status)
}

fn visit(call: &mut Call<'_, '_>, expression: &Expression, walk: &mut Walk, found: &Found<'_>) -> Result<(), Fault> {
    call.shell.system.budget.step()?;
    let Found { path, place, depth, .. } = *found;
    if depth > DEPTH_MAX {
        return Err(Fault::gap("a tree that is too deep"));
    }
    if walk.follow && found.inode.is_directory() && walk.above.contains(place) {
        call.err(&format!("File system loop detected; '{}' is part of the same file system loop", show(path)))?;
        walk.status = 1;
        return Ok(());
    }
    let mut below = Below::Walk;
    if !walk.depth_first && depth >= walk.lowest {
        evaluate(call, expression, walk, found, &mut below)?;
    }
    let deeper = walk.deepest.is_none_or(|deepest| depth < deepest);
    if found.inode.is_directory() && below == Below::Walk && !walk.quit && deeper {
        walk.above.push(place.clone());
        let names: Vec<Vec<u8>> = call.tree().children(place).map(|(child, _)| child.name().to_vec()).collect();
        for name in names {
            let path = if path.ends_with(b"/") { [path, &name].concat() } else { [path, &name].join(&b'/') };
            let own = place.join(&name)?;
            let behind =
                if walk.follow { call.tree().resolve([b"/", own.as_bytes()].concat(), true) } else { Ok(own.clone()) };
            if matches!(behind, Err(crate::tree::Error::Loop(_))) {
                in_a_circle(call, walk, &path)?;
                continue;
            }
            let place = behind.ok().filter(|behind| call.tree().get(behind).is_some()).unwrap_or_else(|| own.clone());
            let Some(inode) = call.tree().get(&place).cloned() else { continue };
            visit(
                call,
                expression,
                walk,
                &Found { path: &path, place: &place, own: &own, inode: &inode, depth: depth + 1 },
            )?;
            if walk.quit {
                break;
            }
        }
        walk.above.pop();
    }
    if walk.depth_first && depth >= walk.lowest && !walk.quit {
        evaluate(call, expression, walk, found, &mut below)?;
    }
    Ok(())
}

/// Runs what `-exec … +` gathered.
fn finish(call: &mut Call<'_, '_>, expression: &Expression, walk: &mut Walk) -> Result<(), Fault> {
    match expression {
        Expression::And(parts) | Expression::Or(parts) => {
            for part in parts {
                finish(call, part, walk)?;
            }
        }
        Expression::Not(inner) => finish(call, inner, walk)?,
        Expression::Execute(words, Execute::Gathered) if !walk.gathered.is_empty() => {
            let words = [words.as_slice(), &std::mem::take(&mut walk.gathered)].concat();
            if call.run(&words)? != 0 {
                walk.status = 1;
            }
        }
        _ => {}
    }
    Ok(())
}
