// A thousand tasks at once, each of which lets the others run ten times.
use futures_lite::future::yield_now;
use glommio::{LocalExecutorBuilder, Placement};

async fn works(number: u32) -> u32 {
    for _ in 0..10 {
        yield_now().await;
    }
    number
}

async fn sum_of_all() -> u32 {
    let tasks: Vec<_> = (0..1000).map(|number| glommio::spawn_local(works(number))).collect();
    let mut sum = 0;
    for task in tasks {
        sum += task.await;
    }
    sum
}

fn main() {
    let executor = LocalExecutorBuilder::new(Placement::Unbound).make().expect("an executor");
    println!("1000 tasks, sum {}", executor.run(sum_of_all()));
}
