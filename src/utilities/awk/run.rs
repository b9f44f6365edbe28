//! A program, followed on records.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::rc::Rc;

use super::Dialect;
use super::io::Files;
use super::io::Source;
use super::lex;
use super::parse;
use super::parse::Expression;
use super::parse::Name;
use super::parse::Pattern;
use super::parse::Program;
use super::parse::SPECIAL;
use super::parse::Statement;
use super::values;
use super::values::Array;
use super::values::Text;
use super::values::Value;
use crate::budget::Budget;
use crate::budget::Spent;
use crate::shell::parse::is_name;
use crate::utilities::Call;
use crate::utilities::Done;
use crate::utilities::Fault;
use crate::utilities::buffer::Buffer;
use crate::utilities::buffer::Kept;
use crate::utilities::regex::Regex;
use crate::utilities::regex::Syntax;
use crate::utilities::show;

/// Statements and expressions inside each other while a program runs, functions included.
const DEPTH_MAX: u32 = 250;
/// Expressions that are kept compiled.
const EXPRESSIONS_MAX: usize = 200;

/// What a statement does to the way on.
pub(super) enum Way {
    On,
    Next,
    NextFile,
    Exit,
    Break,
    Continue,
    Return(Value),
}

/// A variable: one value, or many.
#[derive(Debug, Clone)]
pub(super) enum Slot {
    Value(Value),
    Array(Rc<RefCell<Array>>),
}

pub(super) struct Machine<'c, 's, 'w> {
    pub(super) call: &'c mut Call<'s, 'w>,
    pub(super) program: &'c Program,
    pub(super) dialect: Dialect,
    pub(super) budget: Budget,
    globals: Vec<Slot>,
    /// Variables of the functions that are being called.
    frames: Vec<Vec<Slot>>,
    record: Text,
    /// The record's fields, once somebody has asked.
    fields: Option<Kept<Value>>,
    /// What separated fields when the record was read.
    separator: Text,
    /// Newlines separate fields too.
    paragraph: bool,
    expressions: BTreeMap<Vec<u8>, Regex>,
    pub(super) files: Files,
    ranges: Vec<bool>,
    status: i32,
    depth: u32,
}

/// The number of a variable that awk knows.
pub(super) fn special(name: &str) -> usize {
    SPECIAL.iter().position(|known| *known == name).unwrap_or(0)
}

impl<'c, 's, 'w> Machine<'c, 's, 'w> {
    pub(super) fn new(
        call: &'c mut Call<'s, 'w>,
        program: &'c Program,
        dialect: Dialect,
        operands: &[Vec<u8>],
    ) -> Result<Self, Fault> {
        let budget = call.shell.system.budget.clone();
        let empty = Text::new(b"", &budget)?;
        let mut machine = Self {
            dialect,
            globals: vec![Slot::Value(Value::Unset); program.globals.len()],
            frames: Vec::new(),
            record: empty.clone(),
            fields: None,
            separator: empty,
            paragraph: false,
            expressions: BTreeMap::new(),
            files: Files::new(&budget)?,
            ranges: vec![false; program.rules.len()],
            status: 0,
            depth: 0,
            call,
            program,
            budget,
        };
        let defaults = [
            ("FS", " "),
            ("OFS", " "),
            ("ORS", "\n"),
            ("RS", "\n"),
            ("SUBSEP", "\u{1c}"),
            ("CONVFMT", "%.6g"),
            ("OFMT", "%.6g"),
        ];
        for (name, value) in defaults {
            machine.set_special(name, value.as_bytes())?;
        }
        for name in ["NR", "FNR", "RSTART"] {
            machine.globals[special(name)] = Slot::Value(Value::Number(0.0));
        }
        machine.globals[special("RLENGTH")] = Slot::Value(Value::Number(-1.0));
        let environment: Vec<(Vec<u8>, Vec<u8>)> =
            machine.call.shell.environment().map(|(name, value)| (name.to_vec(), value.to_vec())).collect();
        let mut array = Array::new(&machine.budget)?;
        for (name, value) in environment {
            array.set(&name, Value::input(Text::new(&value, &machine.budget)?))?;
        }
        machine.globals[special("ENVIRON")] = Slot::Array(Rc::new(RefCell::new(array)));
        let mut array = Array::new(&machine.budget)?;
        let name = machine.call.name.to_vec();
        for (index, word) in std::iter::once(&name).chain(operands).enumerate() {
            array.set(index.to_string().as_bytes(), Value::input(Text::new(word, &machine.budget)?))?;
        }
        machine.globals[special("ARGC")] = Slot::Value(Value::Number(array.map.len() as f64));
        machine.globals[special("ARGV")] = Slot::Array(Rc::new(RefCell::new(array)));
        Ok(machine)
    }

    pub(super) fn set_special(&mut self, name: &str, value: &[u8]) -> Result<(), Fault> {
        let text = Text::new(value, &self.budget)?;
        self.globals[special(name)] = Slot::Value(Value::Text(text));
        Ok(())
    }

    /// `name=value` on the command line.
    pub(super) fn assign_argument(&mut self, assignment: &[u8]) -> Result<(), Fault> {
        let equals = memchr::memchr(b'=', assignment).filter(|equals| is_name(&assignment[..*equals]));
        let equals = equals.ok_or_else(|| Fault::gap("an assignment that is none"))?;
        let value = lex::escapes(&assignment[equals + 1..], self.dialect)?;
        let value = Value::input(Text::new(&value, &self.budget)?);
        let name = show(&assignment[..equals]);
        // What the program does not name nobody reads.
        let Some(index) = self.program.globals.iter().position(|known| *known == name) else { return Ok(()) };
        self.set(Name::Global(index), value)
    }

    pub(super) fn run(&mut self) -> Result<(), Fault> {
        let program = self.program;
        let going = self.rules(program, |pattern| matches!(pattern, Pattern::Begin))?;
        let reads = program.rules.iter().any(|(pattern, _)| !matches!(pattern, Pattern::Begin));
        if going && reads {
            while self.next_record()? {
                match self.record_rules(program)? {
                    Way::Exit => break,
                    Way::NextFile => self.skip_file()?,
                    _ => {}
                }
            }
        }
        if going || reads {
            self.rules(program, |pattern| matches!(pattern, Pattern::End))?;
        }
        Ok(())
    }

    /// Ends it: files are closed, commands run, input that was not used is given back.
    pub(super) fn finish(mut self, done: Result<(), Fault>) -> Done {
        let closed = self.close_all();
        done?;
        closed?;
        Ok(self.status)
    }

    /// Puts the next record of the input into `$0`.
    pub(super) fn next_record(&mut self) -> Result<bool, Fault> {
        let Some(record) = self.read_main()? else { return Ok(false) };
        self.count("NR")?;
        self.count("FNR")?;
        self.set_record(record)?;
        Ok(true)
    }

    pub(super) fn count(&mut self, name: &str) -> Result<(), Fault> {
        let value = self.value(Name::Global(special(name)))?.number(self.dialect)?;
        self.globals[special(name)] = Slot::Value(Value::Number(value + 1.0));
        Ok(())
    }

    pub(super) fn set_number(&mut self, name: &str, value: f64) {
        self.globals[special(name)] = Slot::Value(Value::Number(value));
    }

    fn record_rules(&mut self, program: &'c Program) -> Result<Way, Fault> {
        for (index, (pattern, body)) in program.rules.iter().enumerate() {
            self.budget.step()?;
            if matches!(pattern, Pattern::Begin | Pattern::End) || !self.selects(index, pattern)? {
                continue;
            }
            let Some(body) = body else {
                let record = self.record.clone();
                self.print_record(&record)?;
                continue;
            };
            match self.execute(body)? {
                Way::Next => break,
                way @ (Way::Exit | Way::NextFile) => return Ok(way),
                _ => {}
            }
        }
        Ok(Way::On)
    }

    /// Runs the rules before or behind all records; `false` when the program exits.
    fn rules(&mut self, program: &'c Program, chosen: fn(&Pattern) -> bool) -> Result<bool, Fault> {
        for (pattern, body) in program.rules.iter().filter(|(pattern, _)| chosen(pattern)) {
            let _ = pattern;
            if let Some(body) = body
                && matches!(self.execute(body)?, Way::Exit)
            {
                return Ok(false);
            }
        }
        Ok(true)
    }

    fn selects(&mut self, index: usize, pattern: &'c Pattern) -> Result<bool, Fault> {
        match pattern {
            Pattern::Begin | Pattern::End | Pattern::Always => Ok(true),
            Pattern::When(condition) => Ok(self.evaluate(condition)?.is_true()),
            Pattern::Range(first, last) => {
                if !self.ranges[index] && !self.evaluate(first)?.is_true() {
                    return Ok(false);
                }
                self.ranges[index] = !self.evaluate(last)?.is_true();
                Ok(true)
            }
        }
    }

    // --- statements ------------------------------------------------------------------------------------------

    /// Goes one level deeper; the way back is the caller's.
    fn deeper(&mut self) -> Result<(), Fault> {
        self.budget.step()?;
        if self.depth >= DEPTH_MAX {
            return Err(Spent::Depth.into());
        }
        self.depth += 1;
        Ok(())
    }

    pub(super) fn execute(&mut self, statement: &'c Statement) -> Result<Way, Fault> {
        self.deeper()?;
        let way = self.statement(statement);
        self.depth -= 1;
        way
    }

    fn statement(&mut self, statement: &'c Statement) -> Result<Way, Fault> {
        match statement {
            Statement::Expression(expression) => drop(self.evaluate(expression)?),
            Statement::Print(list, output) => self.print(list, output.as_ref())?,
            Statement::Format(list, output) => {
                let text = self.format(list)?;
                self.put(&text, output.as_ref())?;
            }
            Statement::If(condition, yes, no) => {
                if self.evaluate(condition)?.is_true() {
                    return self.execute(yes);
                }
                if let Some(no) = no {
                    return self.execute(no);
                }
            }
            Statement::Loop { condition, body, step, first } => {
                return self.run_loop(condition.as_ref(), body, step.as_deref(), *first);
            }
            Statement::ForIn(key, array, body, seen) => return self.for_in(*key, *array, body, *seen),
            Statement::Block(statements) => {
                for statement in statements {
                    match self.execute(statement)? {
                        Way::On => {}
                        way => return Ok(way),
                    }
                }
            }
            Statement::Next => return Ok(Way::Next),
            Statement::NextFile => return Ok(Way::NextFile),
            Statement::Break => return Ok(Way::Break),
            Statement::Continue => return Ok(Way::Continue),
            Statement::Exit(status) => {
                if let Some(status) = status {
                    let number = self.evaluate(status)?.number(self.dialect)?;
                    self.status = i32::from(values::to_integer(number).to_le_bytes()[0]);
                }
                return Ok(Way::Exit);
            }
            Statement::Return(value) => {
                let value = value.as_ref().map(|value| self.evaluate(value)).transpose()?;
                return Ok(Way::Return(value.unwrap_or_default()));
            }
            Statement::Delete(array, index) => {
                let array = self.array(*array)?;
                if index.is_empty() {
                    array.borrow_mut().clear()?;
                } else {
                    let key = self.key(index)?;
                    array.borrow_mut().map.remove(&*key);
                }
            }
        }
        Ok(Way::On)
    }

    #[inline(never)]
    fn for_in(&mut self, key: Name, array: Name, body: &'c Statement, seen: bool) -> Result<Way, Fault> {
        let array = self.array(array)?;
        let mut keys = Kept::new(&self.budget)?;
        for key in array.borrow().map.keys() {
            keys.push(Text::new(key, &self.budget)?)?;
        }
        if seen && keys.len() > 1 {
            return Err(Fault::gap("`for … in` where the order of the keys is seen, which awks have each their own"));
        }
        for index in 0..keys.len() {
            self.budget.step()?;
            self.set(key, Value::input(keys[index].clone()))?;
            match self.execute(body)? {
                Way::Break => break,
                Way::On | Way::Continue => {}
                way => return Ok(way),
            }
        }
        Ok(Way::On)
    }

    #[inline(never)]
    fn run_loop(
        &mut self,
        condition: Option<&'c Expression>,
        body: &'c Statement,
        step: Option<&'c Statement>,
        first: bool,
    ) -> Result<Way, Fault> {
        let mut check = first;
        loop {
            self.budget.step()?;
            if let Some(condition) = condition.filter(|_| check)
                && !self.evaluate(condition)?.is_true()
            {
                return Ok(Way::On);
            }
            check = true;
            match self.execute(body)? {
                Way::Break => return Ok(Way::On),
                Way::On | Way::Continue => {}
                way => return Ok(way),
            }
            if let Some(step) = step {
                self.execute(step)?;
            }
        }
    }

    #[inline(never)]
    fn print(&mut self, list: &'c [Expression], output: Option<&'c parse::Output>) -> Result<(), Fault> {
        let mut line = Buffer::new(&self.budget)?;
        if list.is_empty() {
            line.extend(&self.record)?;
        }
        for (index, item) in list.iter().enumerate() {
            if index > 0 {
                line.extend(&self.special_text("OFS")?)?;
            }
            let value = self.evaluate(item)?;
            // Numbers are printed by a format of their own.
            let text = match value {
                Value::Number(_) => self.text_by(&value, "OFMT")?,
                value => self.text(&value)?,
            };
            line.extend(&text)?;
        }
        line.extend(&self.special_text("ORS")?)?;
        self.put(&line, output)
    }

    fn print_record(&mut self, record: &[u8]) -> Result<(), Fault> {
        let mut line = Buffer::new(&self.budget)?;
        line.extend(record)?;
        line.extend(&self.special_text("ORS")?)?;
        self.put(&line, None)
    }

    pub(super) fn format(&mut self, list: &'c [Expression]) -> Result<Buffer, Fault> {
        let mut values = Vec::new();
        for item in list {
            values.push(self.evaluate(item)?);
        }
        let (first, rest) = values.split_first().ok_or_else(|| Fault::gap("no format"))?;
        let format = self.text(first)?;
        super::format::format(&format, rest, self.dialect, &self.budget)
    }

    // --- variables -------------------------------------------------------------------------------------------

    fn slot(&mut self, name: Name) -> &mut Slot {
        match name {
            Name::Global(index) => &mut self.globals[index],
            Name::Local(index) => {
                let frame = self.frames.last_mut();
                frame.and_then(|frame| frame.get_mut(index)).expect("a function has its parameters")
            }
        }
    }

    pub(super) fn value(&mut self, name: Name) -> Result<Value, Fault> {
        if name == Name::Global(special("NF")) {
            self.split_record()?;
            return Ok(Value::Number(self.fields.as_ref().map_or(0, |fields| fields.len()) as f64));
        }
        match self.slot(name) {
            Slot::Value(value) => Ok(value.clone()),
            Slot::Array(_) => Err(Fault::gap("an array where a value is needed")),
        }
    }

    pub(super) fn set(&mut self, name: Name, value: Value) -> Result<(), Fault> {
        if name == Name::Global(special("NF")) {
            let count = values::to_index(value.number(self.dialect)?)?;
            self.resize_fields(count)?;
            return self.join_fields();
        }
        match self.slot(name) {
            Slot::Value(slot) => *slot = value,
            Slot::Array(_) => return Err(Fault::gap("a value where an array is needed")),
        }
        Ok(())
    }

    /// The array of a name; what was nothing yet becomes one.
    pub(super) fn array(&mut self, name: Name) -> Result<Rc<RefCell<Array>>, Fault> {
        let budget = self.budget.clone();
        let slot = self.slot(name);
        match slot {
            Slot::Array(array) => Ok(Rc::clone(array)),
            Slot::Value(Value::Unset) => {
                let array = Rc::new(RefCell::new(Array::new(&budget)?));
                *slot = Slot::Array(Rc::clone(&array));
                Ok(array)
            }
            Slot::Value(_) => Err(Fault::gap("a value where an array is needed")),
        }
    }

    pub(super) fn is_array(&mut self, name: Name) -> bool {
        matches!(self.slot(name), Slot::Array(_))
    }

    pub(super) fn special_text(&mut self, name: &str) -> Result<Text, Fault> {
        let value = self.value(Name::Global(special(name)))?;
        self.text(&value)
    }

    /// A value as a text; numbers by CONVFMT.
    pub(super) fn text(&mut self, value: &Value) -> Result<Text, Fault> {
        match value {
            Value::Text(text) | Value::Both(text, _) => Ok(text.clone()),
            Value::Unset => Ok(Text::new(b"", &self.budget)?),
            Value::Number(_) => self.text_by(value, "CONVFMT"),
        }
    }

    fn text_by(&mut self, value: &Value, format: &str) -> Result<Text, Fault> {
        let Value::Number(number) = value else { return self.text(value) };
        let format = match &self.globals[special(format)] {
            Slot::Value(Value::Text(text) | Value::Both(text, _)) => text.clone(),
            _ => return Err(Fault::gap("a number as the format of numbers")),
        };
        let made = values::number_text(*number, &format, self.dialect, &self.budget)?;
        Ok(Text::new(&made, &self.budget)?)
    }

    pub(super) fn key(&mut self, index: &'c [Expression]) -> Result<Text, Fault> {
        if let [only] = index {
            let value = self.evaluate(only)?;
            return self.text(&value);
        }
        let mut key = Buffer::new(&self.budget)?;
        let between = self.special_text("SUBSEP")?;
        for (place, part) in index.iter().enumerate() {
            if place > 0 {
                key.extend(&between)?;
            }
            let value = self.evaluate(part)?;
            key.extend(&self.text(&value)?)?;
        }
        if *self.special_text("SUBSEP")? != *between {
            return Err(Fault::gap("an index that sets SUBSEP"));
        }
        Ok(Text::new(&key, &self.budget)?)
    }

    // --- fields ----------------------------------------------------------------------------------------------

    pub(super) fn record(&self) -> Text {
        self.record.clone()
    }

    pub(super) fn set_record(&mut self, record: Text) -> Result<(), Fault> {
        self.separator = self.special_text("FS")?;
        self.paragraph = self.special_text("RS")?.is_empty();
        self.record = record;
        self.fields = None;
        Ok(())
    }

    fn split_record(&mut self) -> Result<(), Fault> {
        if self.fields.is_some() {
            return Ok(());
        }
        let (record, separator) = (self.record.clone(), self.separator.clone());
        if self.paragraph && &*separator != b" " && record.contains(&b'\n') && self.dialect != Dialect::Mawk {
            return Err(Fault::gap("fields of paragraphs, which awks separate differently"));
        }
        let mut fields = Kept::new(&self.budget)?;
        self.split(&record, &separator, &mut |part, budget| Ok(fields.push(Value::input(Text::new(part, budget)?))?))?;
        self.fields = Some(fields);
        Ok(())
    }

    /// Takes a text apart.
    pub(super) fn split(
        &mut self,
        text: &[u8],
        separator: &[u8],
        part: &mut dyn FnMut(&[u8], &Budget) -> Result<(), Fault>,
    ) -> Result<(), Fault> {
        let budget = self.budget.clone();
        if text.is_empty() {
            return Ok(());
        }
        budget.read(text.len())?;
        match separator {
            b" " => {
                let blank = |byte: &u8| matches!(byte, b' ' | b'\t' | b'\n');
                text.split(blank).filter(|field| !field.is_empty()).try_for_each(|field| part(field, &budget))
            }
            [] => text.iter().try_for_each(|byte| part(&[*byte], &budget)),
            // One byte is itself, whatever it means in an expression.
            [byte] if *byte != b'\\' => text.split(|other| other == byte).try_for_each(|field| part(field, &budget)),
            _ => {
                let regex = self.regex(separator)?;
                let (mut from, mut at) = (0, 0);
                while let Some(groups) = regex.find(text, at)? {
                    let (begin, end) = groups[0].unwrap_or_default();
                    // What matches nothing separates nothing.
                    if begin == end {
                        at = end + 1;
                        if at > text.len() {
                            break;
                        }
                        continue;
                    }
                    part(&text[from..begin], &budget)?;
                    (from, at) = (end, end);
                }
                part(&text[from..], &budget)
            }
        }
    }

    pub(super) fn regex(&mut self, pattern: &[u8]) -> Result<Regex, Fault> {
        if let Some(regex) = self.expressions.get(pattern) {
            return Ok(regex.clone());
        }
        let regex = Regex::new(pattern, Syntax::Awk, false, &self.budget)?;
        if self.expressions.len() >= EXPRESSIONS_MAX {
            self.expressions.clear();
        }
        self.expressions.insert(pattern.to_vec(), regex.clone());
        Ok(regex)
    }

    fn field(&mut self, index: usize) -> Result<Value, Fault> {
        if index == 0 {
            return Ok(Value::input(self.record.clone()));
        }
        self.split_record()?;
        // A field that is not there is empty, and no number.
        match self.fields.as_ref().and_then(|fields| fields.get(index - 1)) {
            Some(field) => Ok(field.clone()),
            None => Ok(Value::Text(Text::new(b"", &self.budget)?)),
        }
    }

    fn resize_fields(&mut self, count: usize) -> Result<(), Fault> {
        self.split_record()?;
        let Some(fields) = &mut self.fields else { return Ok(()) };
        fields.truncate(count);
        let empty = Text::new(b"", &self.budget)?;
        while fields.len() < count {
            fields.push(Value::Text(empty.clone()))?;
        }
        Ok(())
    }

    fn join_fields(&mut self) -> Result<(), Fault> {
        let between = self.special_text("OFS")?;
        let mut record = Buffer::new(&self.budget)?;
        for index in 0..self.fields.as_ref().map_or(0, |fields| fields.len()) {
            if index > 0 {
                record.extend(&between)?;
            }
            let value = self.fields.as_ref().map(|fields| fields[index].clone()).unwrap_or_default();
            record.extend(&self.text(&value)?)?;
        }
        self.record = Text::new(&record, &self.budget)?;
        Ok(())
    }

    pub(super) fn store(&mut self, target: &'c Expression, value: Value) -> Result<(), Fault> {
        match target {
            Expression::Variable(name) => self.set(*name, value),
            Expression::Element(array, index) => {
                let key = self.key(index)?;
                let array = self.array(*array)?;
                Ok(array.borrow_mut().set(&key, value)?)
            }
            Expression::Field(index) => {
                let written = matches!(**index, Expression::Number(_));
                let index = values::to_index(self.evaluate(index)?.number(self.dialect)?)?;
                if index == 0 && !written && self.dialect != Dialect::Gawk {
                    return Err(Fault::gap(
                        "an assignment to `$` of an expression that is zero, which mawk does in its own way",
                    ));
                }
                if index == 0 {
                    let text = self.text(&value)?;
                    return self.set_record(text);
                }
                self.split_record()?;
                if self.fields.as_ref().is_none_or(|fields| fields.len() < index) {
                    self.resize_fields(index)?;
                }
                let value = match value {
                    Value::Number(_) => Value::input(self.text(&value)?),
                    value => value,
                };
                if let Some(fields) = &mut self.fields {
                    fields[index - 1] = value;
                }
                self.join_fields()
            }
            Expression::Group(inner) => self.store(inner, value),
            _ => Err(Fault::gap("an assignment to a value")),
        }
    }

    // --- expressions -----------------------------------------------------------------------------------------

    pub(super) fn evaluate(&mut self, expression: &'c Expression) -> Result<Value, Fault> {
        self.deeper()?;
        let value = self.expression(expression);
        self.depth -= 1;
        value
    }

    pub(super) fn number(&mut self, expression: &'c Expression) -> Result<f64, Fault> {
        self.evaluate(expression)?.number(self.dialect)
    }

    fn expression(&mut self, expression: &'c Expression) -> Result<Value, Fault> {
        Ok(match expression {
            Expression::Number(number) => Value::Number(*number),
            Expression::Text(text) => Value::Text(Text::new(text, &self.budget)?),
            Expression::Regex(pattern) => {
                let regex = self.regex(pattern)?;
                Value::truth(regex.is_match(&self.record)?)
            }
            Expression::Variable(name) => self.value(*name)?,
            Expression::Element(array, index) => {
                let key = self.key(index)?;
                let array = self.array(*array)?;
                array.borrow_mut().get(&key)?
            }
            Expression::Field(index) => {
                let index = values::to_index(self.number(index)?)?;
                self.field(index)?
            }
            Expression::Group(inner) => self.evaluate(inner)?,
            Expression::Assign(target, operator, right) => self.assign(target, *operator, right)?,
            Expression::Step(target, before, by) => {
                let old = self.number(target)?;
                self.store(target, Value::Number(old + by))?;
                Value::Number(if *before { old + by } else { old })
            }
            Expression::Chain(first, list) => {
                let mut sum = self.number(first)?;
                for (operator, item) in list {
                    let right = self.number(item)?;
                    sum = values::calculate(*operator, sum, right, self.dialect)?;
                }
                Value::Number(sum)
            }
            Expression::Power(left, right) => {
                let (left, right) = (self.number(left)?, self.number(right)?);
                Value::Number(left.powf(right))
            }
            Expression::Compare(operator, left, right) => self.compare(operator, left, right)?,
            Expression::Match(left, list) => self.matches(left, list)?,
            Expression::All(list) => {
                for item in list {
                    if !self.evaluate(item)?.is_true() {
                        return Ok(Value::truth(false));
                    }
                }
                Value::truth(true)
            }
            Expression::Any(list) => {
                for item in list {
                    if self.evaluate(item)?.is_true() {
                        return Ok(Value::truth(true));
                    }
                }
                Value::truth(false)
            }
            Expression::Unary(b'!', inner) => Value::truth(!self.evaluate(inner)?.is_true()),
            Expression::Unary(b'-', inner) => Value::Number(-self.number(inner)?),
            Expression::Unary(_, inner) => Value::Number(self.number(inner)?),
            Expression::Choose(condition, yes, no) => {
                let chosen = if self.evaluate(condition)?.is_true() { yes } else { no };
                self.evaluate(chosen)?
            }
            Expression::Concatenate(list) => self.concatenate(list)?,
            Expression::In(index, array) => {
                let key = self.key(index)?;
                let array = self.array(*array)?;
                let found = array.borrow().map.contains_key(&*key);
                Value::truth(found)
            }
            Expression::Call(name, arguments) => self.builtin(name, arguments)?,
            Expression::Own(number, arguments) => self.own(*number, arguments)?,
            Expression::Getline(target, source) => self.getline(target.as_deref(), source)?,
        })
    }

    #[inline(never)]
    fn assign(&mut self, target: &'c Expression, operator: Option<u8>, right: &'c Expression) -> Result<Value, Fault> {
        let right = self.evaluate(right)?;
        let value = match operator {
            Some(operator) => {
                let left = self.number(target)?;
                Value::Number(values::calculate(operator, left, right.number(self.dialect)?, self.dialect)?)
            }
            None => right,
        };
        self.store(target, value.clone())?;
        Ok(value)
    }

    #[inline(never)]
    fn concatenate(&mut self, list: &'c [Expression]) -> Result<Value, Fault> {
        let mut made = Buffer::new(&self.budget)?;
        for item in list {
            let value = self.evaluate(item)?;
            made.extend(&self.text(&value)?)?;
        }
        Ok(Value::Text(Text::new(&made, &self.budget)?))
    }

    #[inline(never)]
    fn compare(&mut self, operator: &str, left: &'c Expression, right: &'c Expression) -> Result<Value, Fault> {
        let (left, right) = (self.evaluate(left)?, self.evaluate(right)?);
        let cell = RefCell::new(&mut *self);
        let order = values::compare(&left, &right, |value| cell.borrow_mut().text(value))?;
        if let (Value::Text(left), Value::Text(right)) = (&left, &right) {
            self.budget.read(left.len().min(right.len()))?;
        }
        Ok(Value::truth(match operator {
            "<" => order.is_lt(),
            "<=" => order.is_le(),
            "==" => order.is_eq(),
            "!=" => order.is_ne(),
            ">" => order.is_gt(),
            _ => order.is_ge(),
        }))
    }

    #[inline(never)]
    fn matches(&mut self, left: &'c Expression, list: &'c [(bool, Expression)]) -> Result<Value, Fault> {
        let mut value = self.evaluate(left)?;
        for (wanted, pattern) in list {
            let text = self.text(&value)?;
            let regex = self.pattern(pattern)?;
            value = Value::truth(regex.is_match(&text)? == *wanted);
        }
        Ok(value)
    }

    /// A regular expression: written as one, or a text that is one.
    pub(super) fn pattern(&mut self, expression: &'c Expression) -> Result<Regex, Fault> {
        if let Expression::Regex(pattern) = expression {
            return self.regex(pattern);
        }
        let value = self.evaluate(expression)?;
        let pattern = self.text(&value)?;
        self.regex(&pattern)
    }

    #[inline(never)]
    fn own(&mut self, number: usize, arguments: &'c [Expression]) -> Result<Value, Fault> {
        let program = self.program;
        let function = program.functions.get(number).ok_or_else(|| Fault::gap("a function that is none"))?;
        if arguments.len() > function.parameters {
            return Err(Fault::gap("more arguments than a function has parameters"));
        }
        let mut frame = Vec::new();
        for index in 0..function.parameters {
            let slot = match (arguments.get(index), function.arrays[index]) {
                (Some(Expression::Variable(name)), true) => Slot::Array(self.array(*name)?),
                (Some(_), true) => return Err(Fault::gap("a value where a function needs an array")),
                (None, true) => Slot::Array(Rc::new(RefCell::new(Array::new(&self.budget)?))),
                (Some(argument), false) => Slot::Value(self.evaluate(argument)?),
                (None, false) => Slot::Value(Value::Unset),
            };
            frame.push(slot);
        }
        self.frames.push(frame);
        let way = self.execute(&function.body);
        self.frames.pop();
        match way? {
            Way::Return(value) => Ok(value),
            Way::Exit | Way::Next | Way::NextFile => Err(Fault::gap("`exit` or `next` in a function")),
            _ => Ok(Value::default()),
        }
    }

    /// `getline` in all its forms: 1, at the end 0, and -1 when it cannot be read.
    #[inline(never)]
    fn getline(&mut self, target: Option<&'c Expression>, source: &'c parse::Source) -> Result<Value, Fault> {
        let record = match source {
            parse::Source::Main => {
                let Some(record) = self.read_main()? else { return Ok(Value::Number(0.0)) };
                self.count("NR")?;
                self.count("FNR")?;
                record
            }
            parse::Source::File(path) | parse::Source::Command(path) => {
                let value = self.evaluate(path)?;
                let name = self.text(&value)?;
                let command = matches!(source, parse::Source::Command(_));
                match self.read_other(if command { Source::Command } else { Source::File }, &name)? {
                    Some(Some(record)) => {
                        if command {
                            self.count("NR")?;
                        }
                        record
                    }
                    Some(None) => return Ok(Value::Number(0.0)),
                    None => return Ok(Value::Number(-1.0)),
                }
            }
        };
        match target {
            Some(target) => self.store(target, Value::input(record))?,
            None => self.set_record(record)?,
        }
        Ok(Value::Number(1.0))
    }
}
