//! bash's arrays (bash(1), Arrays): by number, with holes, or by name.

use super::Run;
use super::Shell;
use super::array::Array;
use super::array::ELEMENT;
use super::array::Given;
use super::array::number;
use super::ast::Assigned;
use super::ast::Assignment;
use super::ast::Element;
use super::ast::Part;
use super::value::Value;
use super::value::Words;
use super::variable::Form;

impl Shell<'_> {
    /// Makes one of bash's assignments that dash does not have.
    pub(super) fn assign_compound(&mut self, assignment: &Assignment) -> Run<()> {
        let Assignment { name, subscript, append, value } = assignment;
        match value {
            Assigned::Array(elements) => {
                if subscript.is_some() {
                    return self.fatal(&[name.as_slice(), b": cannot assign list to array member"].concat());
                }
                let given = self.given(name, *append, elements)?;
                self.assign_array(&given)
            }
            Assigned::Text(word) => {
                let text = self.text(&word.0, false)?;
                match subscript {
                    Some(subscript) => {
                        let known = self.state.variables.get(name).and_then(|variable| variable.array.as_ref());
                        let by_name = known.is_some_and(|array| array.is_associative());
                        if !by_name && subscript.0.iter().any(|part| matches!(part, Part::Quoted(_))) {
                            self.lacks("quotes in the subscript of an array by number");
                        }
                        let subscript = self.text(&subscript.0, false)?;
                        self.assign_element(name, &subscript, *append, text)
                    }
                    None => self.append(name, text),
                }
            }
        }
    }

    /// An argument that looks like one of bash's assignments: a builtin that declares takes it as one.
    pub(super) fn compound_argument(&mut self, assignment: &Assignment, declares: bool, fields: &mut Words) -> Run<()> {
        let mut text = assignment.name.clone();
        if let Some(subscript) = &assignment.subscript {
            // There the word ends.
            if subscript
                .0
                .iter()
                .any(|part| matches!(part, Part::Plain(text) if text.iter().any(u8::is_ascii_whitespace)))
            {
                self.lacks("a blank in the subscript of an argument");
            }
            text = [text.as_slice(), b"[", &self.text(&subscript.0, false)?, b"]"].concat();
        }
        match &assignment.value {
            Assigned::Text(word) => {
                let equals: &[u8] = if assignment.append { b"+=" } else { b"=" };
                text.extend_from_slice(equals);
                text.extend(self.text(&word.0, false)?);
            }
            Assigned::Array(elements) if declares => {
                let given = self.given(&assignment.name, assignment.append, elements)?;
                self.arrays.push(given);
            }
            Assigned::Array(_) => {
                self.lacks("a list of values as an argument of what declares nothing");
                return self.fatal(b"syntax error near unexpected token `('");
            }
        }
        Ok(fields.push(&self.system.budget, text)?)
    }

    /// `name+=text`: more text, or with `-i` the sum.
    pub(super) fn append(&mut self, name: &[u8], text: Vec<u8>) -> Run<()> {
        let form = self.state.variables.get(name).map_or(Form::Text, |variable| variable.form);
        let before = self.shared(name);
        let all = self.joined(before.as_deref().unwrap_or_default(), form, &text)?;
        self.assign(name, all)
    }

    fn joined(&self, before: &[u8], form: Form, text: &[u8]) -> Run<Vec<u8>> {
        self.spend(before.len() + text.len())?;
        let _room = self.system.budget.hold(before.len() + text.len())?;
        let between: &[u8] = if form == Form::Integer { b"+" } else { b"" };
        let before: &[u8] = if form == Form::Integer && before.is_empty() { b"0" } else { before };
        Ok([before, between, text].concat())
    }

    /// Expands the words of a compound value.
    pub(super) fn given(&mut self, name: &[u8], append: bool, elements: &[Element]) -> Run<Given> {
        let mut all = Vec::new();
        for element in elements {
            match &element.subscript {
                Some(subscript) => {
                    if self.braces(&element.word)?.is_some_and(|words| words.len() != 1) {
                        self.lacks("braces in an element with a subscript");
                    }
                    let subscript = self.text(&subscript.0, false)?;
                    let text = self.text(&element.word.0, false)?;
                    all.push((Some(subscript), element.append, self.keep(text)?));
                }
                None => {
                    for field in self.fields(std::slice::from_ref(&element.word))?.iter() {
                        all.push((None, false, self.keep(field.clone())?));
                    }
                }
            }
        }
        Ok(Given { name: name.to_vec(), append, elements: all })
    }

    /// Gives a variable the elements of a compound value.
    pub(super) fn assign_array(&mut self, given: &Given) -> Run<()> {
        let name = given.name.as_slice();
        if self.is_fixed(name) {
            return self.is_readonly(name);
        }
        self.means_more(name);
        let array = self.array_mut(name, false)?;
        if !given.append {
            array.clear();
        }
        let mut next = array.end();
        if array.is_associative() && given.elements.first().is_some_and(|(subscript, ..)| subscript.is_none()) {
            // Names and values by turns.
            for pair in given.elements.chunks(2) {
                let value = match pair.get(1) {
                    Some((_, _, value)) => value.clone(),
                    None => self.keep(Vec::new())?,
                };
                self.set_element(name, &pair[0].2, value)?;
            }
            return Ok(());
        }
        for (subscript, append, value) in &given.elements {
            let subscript = match subscript {
                Some(text) => self.subscript(name, text)?,
                None => next.to_string().into_bytes(),
            };
            next = number(&subscript).map_or(next, |number| number.saturating_add(1));
            let value = if *append { self.more(name, &subscript, value)? } else { value.clone() };
            self.set_element(name, &subscript, value)?;
        }
        Ok(())
    }

    fn more(&self, name: &[u8], subscript: &[u8], value: &[u8]) -> Run<Value> {
        let variable = self.state.variables.get(name);
        let form = variable.map_or(Form::Text, |variable| variable.form);
        let before = variable.and_then(|variable| variable.array.as_ref()?.get(subscript)).cloned();
        let all = self.joined(before.as_deref().unwrap_or_default(), form, value)?;
        self.keep(all)
    }

    fn set_element(&mut self, name: &[u8], subscript: &[u8], value: Value) -> Run<()> {
        let form = self.state.variables.get(name).map_or(Form::Text, |variable| variable.form);
        let value = self.formed(form, value)?;
        let budget = &self.system.budget;
        let variable = self.state.variables.own(budget)?.get_mut(name).expect("the caller made it");
        variable.become_array(budget, false)?.set(budget, subscript, value)?;
        Ok(())
    }

    /// `name[subscript]=value`
    pub(super) fn assign_element(&mut self, name: &[u8], subscript: &[u8], append: bool, text: Vec<u8>) -> Run<()> {
        if self.is_fixed(name) {
            return self.is_readonly(name);
        }
        self.means_more(name);
        self.array_mut(name, false)?;
        let subscript = self.subscript(name, subscript)?;
        let value = if append { self.more(name, &subscript, &text)? } else { self.keep(text)? };
        self.set_element(name, &subscript, value)
    }

    /// A variable as an array; it becomes one.
    pub(super) fn array_mut(&mut self, name: &[u8], associative: bool) -> Run<&mut Array> {
        let allexport = self.state.options.allexport;
        let budget = &self.system.budget;
        let variable = self.state.variables.own(budget)?.entry(name.into()).or_default();
        variable.exported |= allexport;
        Ok(variable.become_array(budget, associative)?)
    }

    /// A subscript that stands in a value: bash expands it, and takes its quotes away.
    pub(super) fn read_subscript(&mut self, text: &[u8]) -> Run<Vec<u8>> {
        if !self.is_bash() || !text.iter().any(|byte| b"$`'\"\\".contains(byte)) {
            return Ok(text.to_vec());
        }
        let manner = self.manner();
        let mut parser = super::reader::Parser::new(text, self.state.line, manner, &self.system.budget)?;
        match parser.parts(super::word::Context::Subscript) {
            Ok(parts) if parser.position == parser.source.len() => self.text(&parts, false),
            Err(error) if error.spent.is_some() => Err(error.spent.expect("just looked").into()),
            _ => {
                self.lacks("a subscript that cannot be read");
                Ok(text.to_vec())
            }
        }
    }

    /// What a subscript's text means for this variable: a name, or the number that the expression gives.
    pub(super) fn subscript(&mut self, name: &[u8], text: &[u8]) -> Run<Vec<u8>> {
        match self.meant(name, text)? {
            Some(subscript) => Ok(subscript),
            None => self.fatal(&[name, b"[", text, b"]: bad array subscript"].concat()),
        }
    }

    /// `None`: it is before the first element, or empty where there must be a name.
    fn meant(&mut self, name: &[u8], text: &[u8]) -> Run<Option<Vec<u8>>> {
        let array = self.state.variables.get(name).and_then(|variable| variable.array.as_ref());
        if array.is_some_and(|array| array.is_associative()) {
            return Ok((!text.is_empty()).then(|| text.to_vec()));
        }
        let end = match self.computed(name) {
            Some(elements) => elements.len() as u64,
            None => self.state.variables.get(name).map_or(0, |variable| match &variable.array {
                Some(array) => array.end(),
                None => u64::from(variable.text().is_some()),
            }),
        };
        if text.is_empty() {
            return Ok(None);
        }
        let number = self.deeper(|shell| shell.arithmetic(text))?;
        let number = if number < 0 { number.saturating_add_unsigned(end) } else { number };
        Ok((number >= 0).then(|| number.to_string().into_bytes()))
    }

    /// The element of a variable; a plain one has only the element 0.
    pub(super) fn element(&mut self, name: &[u8], text: &[u8]) -> Run<Option<Value>> {
        let Some(subscript) = self.meant(name, text)? else {
            if text.is_empty() {
                return self.reported(&[name, b"[]: bad substitution"].concat());
            }
            self.complain(&[name, b": bad array subscript"].concat())?;
            return Ok(None);
        };
        if let Some(elements) = self.computed(name) {
            let element = number(&subscript).and_then(|number| elements.into_iter().nth(usize::try_from(number).ok()?));
            return element.map(|element| self.keep(element)).transpose();
        }
        let Some(variable) = self.state.variables.get(name) else { return Ok(None) };
        Ok(match &variable.array {
            Some(array) => array.get(&subscript).cloned(),
            None if subscript == b"0" => variable.text().cloned(),
            None => None,
        })
    }

    /// All elements of a variable with their subscripts, in bash's order.
    pub(super) fn entries(&mut self, name: &[u8]) -> Run<Vec<(Vec<u8>, Value)>> {
        if let Some(elements) = self.computed(name) {
            let mut all = Vec::new();
            for (number, element) in elements.into_iter().enumerate() {
                all.push((number.to_string().into_bytes(), self.keep(element)?));
            }
            return Ok(all);
        }
        let Some(variable) = self.state.variables.get(name) else { return Ok(Vec::new()) };
        match &variable.array {
            Some(array) => {
                self.system.budget.made(array.len() * ELEMENT / 4)?;
                let (entries, ordered) = (array.entries(), array.has_order());
                if !ordered {
                    self.lacks("the order of so many elements of an associative array");
                }
                Ok(entries)
            }
            None => Ok(variable.text().map(|value| (b"0".to_vec(), value.clone())).into_iter().collect()),
        }
    }

    /// `unset name[subscript]`; of `@` all elements.
    pub(super) fn unset_element(&mut self, name: &[u8], text: &[u8]) -> Run<i32> {
        let associative = self.state.variables.get(name).and_then(|variable| variable.array.as_ref());
        let associative = associative.map(|array| array.is_associative());
        if matches!(text, b"@" | b"*") && associative != Some(true) {
            return self.remove_variable(name).map(|()| 0);
        }
        let text = self.read_subscript(text)?;
        let subscript = self.subscript(name, &text)?;
        if associative.is_none() {
            if subscript == b"0" || !self.state.variables.contains(name) {
                return self.remove_variable(name).map(|()| 0);
            }
            self.complain(&[b"unset: ", name, b": not an array variable"].concat())?;
            return Ok(1);
        }
        self.array_mut(name, false)?.remove(&subscript);
        Ok(0)
    }
}

/// Where the `=` of an assignment is: behind a subscript, if there is one.
pub(super) fn equals(argument: &[u8]) -> Option<usize> {
    let mut open = 0usize;
    argument.iter().position(|byte| {
        match byte {
            b'[' => open += 1,
            b']' => open = open.saturating_sub(1),
            _ => {}
        }
        *byte == b'=' && open == 0
    })
}
