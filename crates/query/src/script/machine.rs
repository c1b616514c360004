//! One run of a script: a JavaScript machine that has evaluated the module.

use std::cell::Cell;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use outcrop_document::Value;
use rquickjs::function::Args;
use rquickjs::{
    CaughtError, Context, Ctx, Exception, Function, Module, Object, Persistent, Promise, Runtime,
    Value as JsValue,
};
use tokio::runtime::{Handle, RuntimeFlavor};

use super::convert::Glue;
use super::{Program, ScriptError};
use crate::error::Position;
use crate::scan::Cancellation;

/// Bytes that a machine may allocate.
const MEMORY_BYTES_MAX: usize = 64 << 20;

/// Bytes of stack that it may use; a query thread has 16 MiB.
const STACK_BYTES_MAX: usize = 1 << 20;

/// How often a call may be looked at. The machine asks about every ten thousand steps (calls and rounds
/// of loops), so this is some twenty million of them, about a second.
const LOOKS_MAX: u32 = 2_000;

/// How long a sleeping function goes without looking whether its query was stopped.
const NAP: Duration = Duration::from_millis(10);

/// The name of the module in JavaScript's own messages.
const FILE: &str = "script";

/// What `import * as rockset from "/rockset"` gives.
const LIBRARY: &str = "const sleep_ = globalThis.sleep_; delete globalThis.sleep_; \
                       export function sleep(ms) { sleep_(Number(ms)); }";

/// Why a call was stopped.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stop {
    Steps,
    Cancelled,
}

/// How far the call at hand may go.
struct Meter {
    looks: Cell<u32>,
    stopped: Cell<Option<Stop>>,
    /// Functions may sleep, the text of the module itself may not.
    may_sleep: Cell<bool>,
    cancellation: Option<Arc<Cancellation>>,
}

impl Meter {
    /// Whether the call has to end.
    fn look(&self) -> bool {
        let looks = self.looks.get() + 1;
        self.looks.set(looks);
        if self.is_cancelled() {
            self.stopped.set(Some(Stop::Cancelled));
        } else if looks > LOOKS_MAX {
            self.stopped.set(Some(Stop::Steps));
        }
        self.stopped.get().is_some()
    }

    fn is_cancelled(&self) -> bool {
        let cancellation = self.cancellation.as_ref();
        cancellation.is_some_and(|cancellation| cancellation.is_cancelled())
    }

    fn restart(&self) {
        self.looks.set(0);
        self.stopped.set(None);
    }
}

/// A machine that has evaluated a script. It stays on its thread.
pub(super) struct Machine<'p> {
    program: &'p Program,
    // The order matters: what lives in the runtime goes before it.
    namespace: Persistent<Object<'static>>,
    glue: Glue,
    context: Context,
    _runtime: Runtime,
    meter: Rc<Meter>,
}

impl<'p> Machine<'p> {
    /// Evaluates the module.
    ///
    /// # Errors
    /// [`ScriptError`] if it is none, throws, or reaches a limit.
    pub(super) fn new(program: &'p Program) -> Result<Self, ScriptError> {
        let meter = Rc::new(Meter {
            looks: Cell::new(0),
            stopped: Cell::new(None),
            may_sleep: Cell::new(false),
            cancellation: program.cancellation.as_ref().map(Arc::clone),
        });
        let no_machine = |error: rquickjs::Error| ScriptError {
            message: format!("cannot start JavaScript: {error}"),
            position: None,
        };
        let runtime = Runtime::new().map_err(no_machine)?;
        runtime.set_memory_limit(MEMORY_BYTES_MAX);
        runtime.set_max_stack_size(STACK_BYTES_MAX);
        let context = Context::full(&runtime).map_err(no_machine)?;
        let looking = Rc::clone(&meter);
        runtime.set_interrupt_handler(Some(Box::new(move || looking.look())));
        let (namespace, glue) = context.with(|ctx| {
            let glue = prepare(&ctx, &meter);
            let glue = glue.map_err(|error| explain(&ctx, error, &meter, program))?;
            let namespace = evaluate(&ctx, &program.script.source);
            let namespace = namespace.map_err(|error| explain(&ctx, error, &meter, program))?;
            Ok((Persistent::save(&ctx, namespace), glue))
        })?;
        meter.may_sleep.set(true);
        Ok(Self {
            program,
            namespace,
            glue,
            context,
            _runtime: runtime,
            meter,
        })
    }

    /// Names of the exported functions.
    ///
    /// # Errors
    /// [`ScriptError`] if there is no memory for them.
    pub(super) fn functions(&self) -> Result<Vec<String>, ScriptError> {
        self.meter.restart();
        self.context.with(|ctx| {
            let read = || {
                let namespace = self.namespace.clone().restore(&ctx)?;
                let mut names = Vec::new();
                for name in namespace.keys::<String>() {
                    let name = name?;
                    if namespace
                        .get::<_, JsValue<'_>>(name.as_str())?
                        .is_function()
                    {
                        names.push(name);
                    }
                }
                Ok(names)
            };
            read().map_err(|error| explain(&ctx, error, &self.meter, self.program))
        })
    }

    /// Calls the function `name` for each row and hands what it gives to `sink`, which may end it.
    ///
    /// # Errors
    /// [`ScriptError`] of the first row that has one; those of `row` and `sink`.
    pub(super) fn call_each<E: From<ScriptError>>(
        &self,
        name: &str,
        rows: usize,
        mut row: impl FnMut(usize) -> Result<Vec<Value>, E>,
        mut sink: impl FnMut(Value) -> Result<(), E>,
    ) -> Result<(), E> {
        self.context.with(|ctx| {
            let explain = |error| explain(&ctx, error, &self.meter, self.program);
            let find = || {
                let namespace = self.namespace.clone().restore(&ctx)?;
                let function: Function<'_> = namespace.get(name)?;
                let glue = self.glue.restore(&ctx)?;
                let wishes = glue.wishes(function.as_value())?;
                Ok((function, glue, wishes))
            };
            let (function, glue, wishes) = find().map_err(explain)?;
            for index in 0..rows {
                let arguments = row(index)?;
                self.meter.restart();
                let called = || {
                    let mut call = Args::new(ctx.clone(), arguments.len());
                    for argument in &arguments {
                        call.push_arg(glue.to_js(argument, wishes)?)?;
                    }
                    let value = settled(function.call_arg::<JsValue<'_>>(call)?)?;
                    glue.value(&value)
                };
                sink(called().map_err(explain)?)?;
            }
            Ok(())
        })
    }
}

/// What a promise comes to; other values are themselves.
fn settled(value: JsValue<'_>) -> rquickjs::Result<JsValue<'_>> {
    match value.as_promise() {
        Some(promise) => promise.finish(),
        None => Ok(value),
    }
}

/// Puts the library in, and what conversions need.
fn prepare(ctx: &Ctx<'_>, meter: &Rc<Meter>) -> rquickjs::Result<Glue> {
    let glue = Glue::new(ctx)?;
    let sleeping = Rc::clone(meter);
    let sleep = Function::new(ctx.clone(), move |ctx: Ctx<'_>, ms: f64| {
        if !sleeping.may_sleep.get() {
            let message = "`sleep` is for functions, not for the module itself";
            return Err(Exception::throw_message(&ctx, message));
        }
        sleep(&sleeping, ms);
        Ok(())
    })?;
    ctx.globals().set("sleep_", sleep)?;
    let (_, evaluated) = Module::declare(ctx.clone(), "/rockset", LIBRARY)?.eval()?;
    evaluated.finish::<()>()?;
    Ok(glue)
}

fn evaluate<'js>(ctx: &Ctx<'js>, source: &str) -> rquickjs::Result<Object<'js>> {
    let module = Module::declare(ctx.clone(), FILE, source)?;
    let (module, evaluated): (_, Promise<'js>) = module.eval()?;
    evaluated.finish::<()>()?;
    module.namespace()
}

/// Sleeps for so many milliseconds, or until the query is stopped. Other queries get the thread's
/// place meanwhile.
fn sleep(meter: &Meter, ms: f64) {
    // Negative numbers and what is none are no time at all.
    let mut left = Duration::try_from_secs_f64(ms / 1_000.0).unwrap_or_default();
    let mut nap = || {
        while !left.is_zero() && !meter.is_cancelled() {
            let time = left.min(NAP);
            std::thread::sleep(time);
            left -= time;
        }
    };
    match Handle::try_current().map(|handle| handle.runtime_flavor()) {
        Ok(RuntimeFlavor::MultiThread) => tokio::task::block_in_place(nap),
        Ok(_) | Err(_) => nap(),
    }
}

/// The error in words, with its place in the statement.
fn explain(ctx: &Ctx<'_>, error: rquickjs::Error, meter: &Meter, program: &Program) -> ScriptError {
    let (message, stack) = match CaughtError::from_error(ctx, error) {
        CaughtError::Exception(exception) => {
            let name = exception.as_object().get::<_, String>("name");
            let name = name.unwrap_or_else(|_| "Error".to_owned());
            let message = exception.message().unwrap_or_default();
            let text = match message.is_empty() {
                true => name,
                false => format!("{name}: {message}"),
            };
            (text, exception.stack().unwrap_or_default())
        }
        CaughtError::Value(value) => {
            let text = value.get::<rquickjs::Coerced<String>>();
            let text = text.map_or_else(|_| "a value without a text".to_owned(), |text| text.0);
            (format!("thrown: {text}"), String::new())
        }
        CaughtError::Error(rquickjs::Error::WouldBlock) => {
            ("a promise is never settled".to_owned(), String::new())
        }
        CaughtError::Error(error) => (error.to_string(), String::new()),
    };
    let message = match meter.stopped.get() {
        Some(Stop::Steps) => "it takes too many steps: is there an endless loop?".to_owned(),
        Some(Stop::Cancelled) => "the query was stopped".to_owned(),
        None => message,
    };
    ScriptError {
        message: format!("script: {message}"),
        position: Some(place(&stack, program.script.position)),
    }
}

/// The first place in the script that a stack names, `… (script:3:15)`, as a place in the statement;
/// the start of the script if it names none.
fn place(stack: &str, start: Position) -> Position {
    let named = stack.lines().find_map(|line| {
        let (_, place) = line.split_once(&format!("{FILE}:"))?;
        let (line, column) = place.trim_end_matches(')').split_once(':')?;
        Some((line.parse::<u64>().ok()?, column.parse::<u64>().ok()?))
    });
    match named {
        None | Some((0, _)) => start,
        Some((1, column)) => Position {
            line: start.line,
            column: start.column + column.saturating_sub(1),
        },
        Some((line, column)) => Position {
            line: start.line + line - 1,
            column,
        },
    }
}
