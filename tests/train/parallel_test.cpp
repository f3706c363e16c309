#include <atomic>
#include <map>
#include <mutex>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

#include <gtest/gtest.h>

#include <attend/train/parallel.hpp>

namespace {

using attend::Index;
using attend::ThreadPool;

TEST(ThreadPool, RunsEveryTaskOnce) {
  for (const int threads : {1, 2, 3, 7}) {
    ThreadPool pool(threads);
    EXPECT_EQ(pool.threads(), threads);
    for (const Index count : {0, 1, 2, 3, 17, 1000}) {
      std::vector<std::atomic<int>> calls(static_cast<std::size_t>(count));
      pool.run(count, [&](Index i) { ++calls[static_cast<std::size_t>(i)]; });
      for (const auto& c : calls) EXPECT_EQ(c, 1);
    }
  }
}

TEST(ThreadPool, OneThreadRunsInlineAndInOrder) {
  ThreadPool pool;
  std::vector<Index> order;
  const auto caller = std::this_thread::get_id();
  pool.run(4, [&](Index i) {
    EXPECT_EQ(std::this_thread::get_id(), caller);
    order.push_back(i);
  });
  EXPECT_EQ(order, (std::vector<Index>{0, 1, 2, 3}));
}

TEST(ThreadPool, TasksRunAtTheSameTime) {
  ThreadPool pool(2);
  std::atomic<int> arrived = 0;
  pool.run(2, [&](Index) {
    ++arrived;
    while (arrived < 2) std::this_thread::yield();
  });
  EXPECT_EQ(arrived, 2);
}

/// Counts the tasks that worked in it, and tells where it was made.
struct Own {
  std::thread::id maker = std::this_thread::get_id();
  int tasks = 0;
};

TEST(ThreadPool, EachThreadWorksInMemoryOfItsOwn) {
  for (const int threads : {1, 2, 5}) {
    ThreadPool pool(threads);
    for (const Index count : {0, 1, 40}) {
      std::mutex mutex;
      std::map<std::thread::id, int> most;
      int tasks = 0;
      pool.run_with<Own>(count, [&](Index, Own& own) {
        const std::lock_guard lock(mutex);
        EXPECT_EQ(own.maker, std::this_thread::get_id());
        most[own.maker] = ++own.tasks;
        ++tasks;
      });
      EXPECT_EQ(tasks, count);
      EXPECT_LE(std::ssize(most), threads);
      int kept = 0;
      for (const auto& [thread, last] : most) kept += last;
      EXPECT_EQ(kept, count) << "a thread had more than one memory";
    }
  }
}

TEST(ThreadPool, RethrowsTheFirstExceptionAndStaysUsable) {
  for (const int threads : {1, 3}) {
    ThreadPool pool(threads);
    for (int repeat = 0; repeat < 50; ++repeat) {
      try {
        pool.run(20, [](Index i) {
          if (i % 5 == 3) throw std::runtime_error("task " + std::to_string(i));
        });
        FAIL() << "nothing was thrown";
      } catch (const std::runtime_error& error) {
        EXPECT_STREQ(error.what(), "task 3");
      }
    }
    std::atomic<int> calls = 0;
    pool.run(9, [&](Index) { ++calls; });
    EXPECT_EQ(calls, 9);
  }
}

TEST(ThreadPool, ManyShortRuns) {
  ThreadPool pool(4);
  std::atomic<Index> sum = 0;
  for (int repeat = 0; repeat < 2000; ++repeat) pool.run(5, [&](Index i) { sum += i; });
  EXPECT_EQ(sum, 2000 * 10);
}

TEST(ThreadPool, RefusesNoThreads) {
  try {
    ThreadPool pool(0);
    FAIL() << "nothing was thrown";
  } catch (const std::invalid_argument& error) {
    EXPECT_STREQ(error.what(), "ThreadPool: threads is 0, expected 1 or more");
  }
}

}  // namespace
