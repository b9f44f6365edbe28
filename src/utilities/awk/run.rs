//! A program, followed on records.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::rc::Rc;

use super::ast;
use super::ast::Expression;
use super::ast::Name;
use super::ast::Pattern;
use super::ast::Program;
use super::ast::SPECIAL;
use super::ast::Statement;
use super::dialect::Dialect;
use super::io::Files;
use super::lex;
use super::values;
use super::values::Array;
use super::values::Text;
use super::values::Value;
use crate::budget::Budget;
use crate::budget::Spent;
use crate::shell::reader::is_name;
use crate::utilities::Call;
use crate::utilities::Done;
use crate::utilities::Fault;
use crate::utilities::buffer::Buffer;
use crate::utilities::buffer::Kept;
use crate::utilities::regex::Regex;
use crate::utilities::show;

/// Statements and expressions inside each other while a program runs, functions included.
const DEPTH_MAX: u32 = 250;
/// Expressions that are kept compiled.
pub(super) const EXPRESSIONS_MAX: usize = 200;

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
    pub(super) globals: Vec<Slot>,
    /// Variables of the functions that are being called.
    pub(super) frames: Vec<Vec<Slot>>,
    pub(super) record: Text,
    /// The record's fields, once somebody has asked.
    pub(super) fields: Option<Kept<Value>>,
    /// What separated fields when the record was read.
    pub(super) separator: Text,
    /// Newlines separate fields too.
    pub(super) paragraph: bool,
    pub(super) expressions: BTreeMap<Vec<u8>, Regex>,
    pub(super) files: Files,
    pub(super) ranges: Vec<bool>,
    pub(super) status: i32,
    pub(super) depth: u32,
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
    pub(super) fn deeper(&mut self) -> Result<(), Fault> {
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
    fn print(&mut self, list: &'c [Expression], output: Option<&'c ast::Output>) -> Result<(), Fault> {
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
}
