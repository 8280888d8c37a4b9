// The suites on smol, in two forms: `spawn` (an Executor that other threads could run too) and `local` (a LocalExecutor),
// each run by one thread. tools/bench takes the better one of each suite.
include!("../../rust/suites.rs");

mod mesh;

use smol::future::yield_now;
use smol::{Executor, LocalExecutor, Task as Join};

thread_local! {
    // One of each a thread, that of `cpu`'s second one too; they live as long as the program.
    static SHARED: &'static Executor<'static> = Box::leak(Box::new(Executor::new()));
    static LOCAL: &'static LocalExecutor<'static> = Box::leak(Box::new(LocalExecutor::new()));
}

async fn joined<T>(handle: Join<T>) -> T {
    handle.await
}

async fn sleep(duration: Duration) {
    smol::Timer::after(duration).await;
}

fn start<F>(form: Form, task: F) -> Join<F::Output>
where
    F: Future + Send + 'static,
    F::Output: Send + 'static,
{
    match form {
        Form::Spawn => SHARED.with(|executor| executor.spawn(task)),
        Form::Local => LOCAL.with(|executor| executor.spawn(task)),
    }
}

fn start_local<F: Future + 'static>(task: F) -> Join<F::Output> {
    LOCAL.with(|executor| executor.spawn(task))
}

async fn in_its_best_place<F>(form: Form, what: F) -> F::Output
where
    F: Future + Send + 'static,
    F::Output: Send + 'static,
{
    joined(start(form, what)).await
}

fn run<F: Future>(form: Form, root: F) -> F::Output {
    match form {
        Form::Spawn => smol::block_on(SHARED.with(|executor| *executor).run(root)),
        Form::Local => smol::block_on(LOCAL.with(|executor| *executor).run(root)),
    }
}

fn main() {
    let suite = std::env::args().nth(1).unwrap_or_default();
    let form = form_of(std::env::args().nth(2).as_deref());
    print_json(mesh::measure(&suite).unwrap_or_else(|| measure(form, suite)));
}
