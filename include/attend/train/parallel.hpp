/// Threads that a trainer owns.
#pragma once

#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <exception>
#include <memory>
#include <mutex>
#include <optional>
#include <thread>
#include <utility>
#include <vector>

#include <attend/core/error.hpp>
#include <attend/core/types.hpp>

namespace attend::inline ATTEND_ABI {

/// A few threads that wait for work; the thread that calls `run` is one of them, so a pool of one
/// has no thread of its own and runs inline. One `run` at a time, and none from inside a task.
class ThreadPool {
 public:
  /// Throws std::invalid_argument unless `threads` >= 1.
  explicit ThreadPool(int threads = 1) {
    check_argument(threads >= 1, "ThreadPool: threads is ", threads, ", expected 1 or more");
    try {
      for (std::size_t i = 1; i < static_cast<std::size_t>(threads); ++i) {
        workers_.emplace_back([this, i] { serve(i); });
      }
    } catch (...) {
      leave();
      throw;
    }
  }
  ~ThreadPool() { leave(); }
  ThreadPool(const ThreadPool&) = delete;
  ThreadPool& operator=(const ThreadPool&) = delete;

  [[nodiscard]] int threads() const { return static_cast<int>(workers_.size()) + 1; }

  /// Calls `task(i)` once for each i of [0, count), in any order and on any thread, and returns
  /// when all are done. Rethrows the exception of the smallest i that threw.
  template <class Task>
  void run(Index count, Task&& task) {
    run_on_threads(count, [&](std::size_t, Index i) { task(i); });
  }

  /// Likewise `task(i, own)`: each thread that has a task makes an `Own` and keeps it for all of
  /// its tasks, as the memory that they work in.
  template <class Own, class Task>
  void run_with(Index count, Task&& task) {
    std::vector<std::optional<Own>> owned(workers_.size() + 1);
    run_on_threads(count, [&](std::size_t thread, Index i) {
      std::optional<Own>& own = owned[thread];
      if (!own) own.emplace();
      task(i, *own);
    });
  }

 private:
  struct Job {
    void (*call)(const void*, std::size_t thread, Index i) = nullptr;
    const void* body = nullptr;
    Index count = 0;
  };

  template <class Body>
  void run_on_threads(Index count, const Body& body) {
    if (workers_.empty() || count <= 1) {
      for (Index i = 0; i < count; ++i) body(0, i);
      return;
    }
    start({.call = [](const void* any, std::size_t thread,
                      Index i) { (*static_cast<const Body*>(any))(thread, i); },
           .body = std::addressof(body),
           .count = count});
    take_tasks(0);
    finish();
  }

  void start(const Job& job) {
    {
      const std::lock_guard lock(mutex_);
      job_ = job;
      next_ = 0;
      busy_ = workers_.size();
      ++generation_;
    }
    work_.notify_all();
  }

  void take_tasks(std::size_t thread) {
    for (Index i = next_++; i < job_.count; i = next_++) {
      try {
        job_.call(job_.body, thread, i);
      } catch (...) {
        const std::lock_guard lock(mutex_);
        if (!error_ || i < error_index_) {
          error_ = std::current_exception();
          error_index_ = i;
        }
      }
    }
  }

  void finish() {
    std::unique_lock lock(mutex_);
    done_.wait(lock, [this] { return busy_ == 0; });
    if (error_) std::rethrow_exception(std::exchange(error_, nullptr));
  }

  void serve(std::size_t thread) {
    std::uint64_t seen = 0;
    std::unique_lock lock(mutex_);
    while (true) {
      work_.wait(lock, [&] { return leaving_ || generation_ != seen; });
      if (leaving_) return;
      seen = generation_;
      lock.unlock();
      take_tasks(thread);
      lock.lock();
      if (--busy_ == 0) done_.notify_one();
    }
  }

  void leave() {
    {
      const std::lock_guard lock(mutex_);
      leaving_ = true;
    }
    work_.notify_all();
    for (std::thread& worker : workers_) worker.join();
  }

  std::mutex mutex_;
  std::condition_variable work_;
  std::condition_variable done_;
  Job job_;
  std::atomic<Index> next_{0};
  std::size_t busy_ = 0;
  std::uint64_t generation_ = 0;
  bool leaving_ = false;
  std::exception_ptr error_;
  Index error_index_ = 0;
  std::vector<std::thread> workers_;
};

}  // namespace attend
