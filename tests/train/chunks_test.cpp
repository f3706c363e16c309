#include <map>
#include <mutex>
#include <utility>

#include <gtest/gtest.h>

#include "shapes.hpp"
#include <attend/train/chunks.hpp>

namespace {

using attend::Index;
using attend::ThreadPool;

template <class S>
class Chunks : public testing::Test {};
using Scalars = testing::Types<float, double>;
TYPED_TEST_SUITE(Chunks, Scalars);

TYPED_TEST(Chunks, CoverEveryNumberOnceWhateverTheThreads) {
  auto parts = shapes::random_parts<TypeParam>(1);
  auto others = shapes::random_parts<TypeParam>(2);
  std::map<const void*, const void*> partner;
  attend::for_each_parameter(
      [&](std::string_view, const auto& p, const auto& q) {
        for (Index i = 0; i < p.size(); ++i) partner[p.data() + i] = q.data() + i;
      },
      parts, others);

  using Places = std::map<Index, std::pair<const void*, Index>>;
  Places alone;
  for (const int threads : {1, 2, 3, 64}) {
    ThreadPool pool(threads);
    std::mutex mutex;
    Places places;
    std::map<const void*, int> visits;
    attend::for_each_chunk(
        pool,
        [&](Index chunk, Index size, TypeParam* p, const TypeParam* q) {
          const std::lock_guard lock(mutex);
          EXPECT_TRUE(places.emplace(chunk, std::pair<const void*, Index>(p, size)).second);
          EXPECT_LE(size, attend::chunk_size);
          for (Index i = 0; i < size; ++i) {
            ++visits[p + i];
            EXPECT_EQ(partner.at(p + i), q + i);
          }
        },
        parts, std::as_const(others));
    EXPECT_EQ(std::ssize(places), attend::chunk_count(parts));
    EXPECT_EQ(visits.size(), partner.size());
    if (alone.empty()) alone = places;
    EXPECT_EQ(places, alone);
  }
  EXPECT_GT(alone.size(), 5u);
}

TYPED_TEST(Chunks, RefuseModelsOfAnotherShape) {
  ThreadPool pool;
  auto parts = shapes::random_parts<TypeParam>(1);
  const auto message_for = [&](auto change) {
    auto other = parts;
    change(other);
    try {
      attend::for_each_chunk(
          pool, [](Index, Index, auto*, auto*) {}, parts, other);
    } catch (const attend::ShapeError& error) {
      return std::string(error.what());
    }
    return std::string("nothing was thrown");
  };
  EXPECT_EQ(message_for([](auto& m) { m.list[2].b.resize(4); }),
            "for_each_chunk: the storage of a parameter is 4, expected 3");
  EXPECT_EQ(message_for([](auto& m) { m.list.pop_back(); }),
            "parameters: the number of parts in a list is 2, expected 3");
  EXPECT_EQ(message_for([](auto& m) { m.extra.reset(); }),
            "parameters: presence of an optional part is 0, expected 1");
}

}  // namespace
