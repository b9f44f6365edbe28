//! Whether the order in which an array is walked can be seen: real programs walk it in an order of their own.

use super::ast::Expression;
use super::ast::Name;
use super::ast::Source;
use super::ast::Statement;

/// What lies directly below an expression.
pub(super) fn below(expression: &Expression) -> Vec<&Expression> {
    use Expression as E;
    match expression {
        E::Number(_) | E::Text(_) | E::Regex(_) | E::Variable(_) => Vec::new(),
        E::Element(_, list) | E::All(list) | E::Any(list) | E::Concatenate(list) | E::In(list, _) => {
            list.iter().collect()
        }
        E::Call(_, list) | E::Own(_, list) => list.iter().collect(),
        E::Field(inner) | E::Step(inner, ..) | E::Unary(_, inner) | E::Group(inner) => vec![inner],
        E::Assign(left, _, right) | E::Power(left, right) | E::Compare(_, left, right) => vec![left, right],
        E::Chain(first, list) => std::iter::once(&**first).chain(list.iter().map(|(_, item)| item)).collect(),
        E::Match(first, list) => std::iter::once(&**first).chain(list.iter().map(|(_, item)| item)).collect(),
        E::Choose(condition, yes, no) => vec![condition, yes, no],
        E::Getline(target, source) => {
            let source = match source {
                Source::Main => None,
                Source::File(path) | Source::Command(path) => Some(&**path),
            };
            target.iter().map(|target| &**target).chain(source).collect()
        }
    }
}

/// Goes through all statements and expressions below a statement.
pub(super) fn visit<'a>(
    statement: &'a Statement,
    statements: &mut impl FnMut(&'a Statement),
    expressions: &mut impl FnMut(&'a Expression),
) {
    statements(statement);
    let mut open: Vec<&Expression> = Vec::new();
    match statement {
        Statement::Expression(expression) => open.push(expression),
        Statement::Print(list, output) | Statement::Format(list, output) => {
            open.extend(list);
            open.extend(output.iter().map(|output| &output.path));
        }
        Statement::If(condition, yes, no) => {
            open.push(condition);
            visit(yes, statements, expressions);
            if let Some(no) = no {
                visit(no, statements, expressions);
            }
        }
        Statement::Loop { condition, body, step, .. } => {
            open.extend(condition);
            visit(body, statements, expressions);
            if let Some(step) = step {
                visit(step, statements, expressions);
            }
        }
        Statement::ForIn(_, _, body, _) => visit(body, statements, expressions),
        Statement::Block(list) => list.iter().for_each(|statement| visit(statement, statements, expressions)),
        Statement::Exit(value) | Statement::Return(value) => open.extend(value),
        Statement::Delete(_, index) => open.extend(index),
        Statement::Next | Statement::NextFile | Statement::Break | Statement::Continue => {}
    }
    while let Some(expression) = open.pop() {
        expressions(expression);
        open.extend(below(expression));
    }
}

/// Whether it can be seen in which order a body is followed for the keys of an array: mawk and gawk have each their
/// own. Sums, counts, and what is done to the element of the key itself cannot tell; neither can a search, which ends
/// at the element that it is for (where several are, awks differ among each other).
pub(super) fn order_is_seen(body: &Statement, key: Name) -> bool {
    if is_search(body) {
        return false;
    }
    let mut seen = false;
    let mut told = false;
    visit(
        body,
        &mut |statement| {
            seen |= matches!(
                statement,
                Statement::Print(..)
                    | Statement::Format(..)
                    | Statement::Next
                    | Statement::NextFile
                    | Statement::Exit(_)
                    | Statement::Break
                    | Statement::Return(_)
            );
        },
        &mut |expression| {
            told |= match expression {
                Expression::Assign(target, operator, _) => match (&**target, operator) {
                    (Expression::Element(_, index), _) => {
                        !matches!(index.as_slice(), [Expression::Variable(name)] if *name == key)
                    }
                    (_, Some(b'+' | b'-')) => false,
                    _ => true,
                },
                Expression::Getline(..) | Expression::Own(..) => true,
                Expression::Call(name, _) => matches!(*name, "sub" | "gsub" | "split" | "system" | "close" | "match"),
                _ => false,
            };
        },
    );
    seen || told
}

/// Whether a body does what can be seen only where it ends the loop: `if (wanted) { print; break }`.
fn is_search(body: &Statement) -> bool {
    let ends = |list: &[Statement]| matches!(list.last(), Some(Statement::Break));
    let (mut ended, mut shown, mut shown_there) = (false, 0_usize, 0_usize);
    let is_shown = |statement: &Statement| {
        usize::from(!matches!(
            statement,
            Statement::Expression(_)
                | Statement::If(..)
                | Statement::Block(_)
                | Statement::Break
                | Statement::Continue
                | Statement::Print(_, None)
                | Statement::Format(_, None)
        )) * 2
            + usize::from(matches!(statement, Statement::Print(_, None) | Statement::Format(_, None)))
    };
    visit(
        body,
        &mut |statement| {
            shown += is_shown(statement);
            if let Statement::Block(list) = statement
                && ends(list)
            {
                ended = true;
                shown_there += list.iter().map(is_shown).sum::<usize>();
            }
        },
        &mut |_| {},
    );
    ended && shown == shown_there
}
