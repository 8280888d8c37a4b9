// The suites on Tokio's current_thread runtime, in two forms: `spawn` (tasks that could move between threads) and `local`
// (LocalSet and spawn_local). tools/bench takes the better one of each suite.
include!("../../rust/suites.rs");

mod mesh;

use tokio::task::{spawn_local, yield_now, JoinHandle as Join, LocalSet};
use tokio::time::sleep;

async fn joined<T>(handle: Join<T>) -> T {
    handle.await.unwrap()
}

fn start<F>(form: Form, task: F) -> Join<F::Output>
where
    F: Future + Send + 'static,
    F::Output: Send + 'static,
{
    match form {
        Form::Spawn => tokio::spawn(task),
        Form::Local => spawn_local(task),
    }
}

fn start_local<F: Future + 'static>(task: F) -> Join<F::Output> {
    spawn_local(task)
}

async fn in_its_best_place<F>(_: Form, what: F) -> F::Output
where
    F: Future + Send + 'static,
    F::Output: Send + 'static,
{
    what.await
}

fn run<F: Future>(form: Form, root: F) -> F::Output {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
    match form {
        Form::Local => LocalSet::new().block_on(&runtime, root),
        Form::Spawn => runtime.block_on(root),
    }
}

fn main() {
    let suite = std::env::args().nth(1).unwrap_or_default();
    let form = form_of(std::env::args().nth(2).as_deref());
    print_json(mesh::measure(&suite).unwrap_or_else(|| measure(form, suite)));
}
