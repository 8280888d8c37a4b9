// A thousand tasks at once, each of which lets the others run ten times.
use tokio::runtime::Builder;
use tokio::task;

async fn works(number: u32) -> u32 {
    for _ in 0..10 {
        task::yield_now().await;
    }
    number
}

async fn sum_of_all() -> u32 {
    let tasks: Vec<_> = (0..1000).map(|number| tokio::spawn(works(number))).collect();
    let mut sum = 0;
    for task in tasks {
        sum += task.await.expect("a task has panicked");
    }
    sum
}

fn main() -> std::io::Result<()> {
    let runtime = Builder::new_current_thread().build()?;
    println!("1000 tasks, sum {}", runtime.block_on(sum_of_all()));
    Ok(())
}
