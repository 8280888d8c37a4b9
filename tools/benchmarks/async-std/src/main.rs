// The suites on async-std, in the form that stays on one thread: spawn_local. Its spawn() hands every task to a pool of
// threads that are its own, so that there is no such form for one core.
include!("../../rust/suites.rs");

mod mesh;

use async_std::task::{sleep, spawn_local, yield_now, JoinHandle as Join};

async fn joined<T>(handle: Join<T>) -> T {
    handle.await
}

fn start<F>(_: Form, task: F) -> Join<F::Output>
where
    F: Future + Send + 'static,
    F::Output: Send + 'static,
{
    spawn_local(task)
}

fn start_local<F: Future + 'static>(task: F) -> Join<F::Output>
where
    F::Output: 'static,
{
    spawn_local(task)
}

async fn in_its_best_place<F>(form: Form, what: F) -> F::Output
where
    F: Future + Send + 'static,
    F::Output: Send + 'static,
{
    joined(start(form, what)).await
}

fn run<F: Future>(_: Form, root: F) -> F::Output {
    async_std::task::block_on(root)
}

fn main() {
    let suite = std::env::args().nth(1).unwrap_or_default();
    let form = form_of(std::env::args().nth(2).as_deref());
    print_json(mesh::measure(&suite).unwrap_or_else(|| measure(form, suite)));
}
