#include <algorithm>
#include <reference/message_of.hpp>
#include <span>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include <attend/attention/memory.hpp>

namespace {

using attend::Index;
using attend::Matrix;
using attend::Memory;

template <class S>
class Memories : public testing::Test {};
using Scalars = testing::Types<float, double>;
TYPED_TEST_SUITE(Memories, Scalars);

TYPED_TEST(Memories, HaveOneBlockASource) {
  Memory<TypeParam> memory;
  EXPECT_EQ(memory.size(), 0);
  const std::vector<Index> lengths = {3, 0, 1};
  memory.resize(lengths, 2, 5);
  memory.values() << 0, 1, 2, 3,  //
      10, 11, 12, 13;
  memory.keys().setConstant(7);
  ASSERT_EQ(memory.size(), 3);
  EXPECT_FALSE(memory.keys_are_values());
  EXPECT_EQ(memory.values().cols(), 4);
  EXPECT_EQ(memory.keys().rows(), 5);
  for (Index b = 0; b < 3; ++b) {
    EXPECT_EQ(memory.length(b), lengths[static_cast<std::size_t>(b)]);
    EXPECT_EQ(memory[b].values.rows(), 2);
    EXPECT_EQ(memory[b].values.cols(), memory.length(b));
    EXPECT_EQ(memory[b].keys.rows(), 5);
    EXPECT_EQ(memory[b].keys.cols(), memory.length(b));
  }
  EXPECT_EQ(memory[0].values(1, 2), 12);
  EXPECT_EQ(memory[2].values(0, 0), 3);
}

TYPED_TEST(Memories, KnowHowMuchStandsBehindASource) {
  Memory<TypeParam> memory;
  memory.resize(std::vector<Index>{3, 0, 4}, 2, 5);
  EXPECT_EQ(memory[0].behind, 4);
  EXPECT_EQ(memory[1].behind, 4);
  EXPECT_EQ(memory[2].behind, 0);
  EXPECT_EQ(memory[0].keys.data() + 3 * 5, memory[2].keys.data());
}

TYPED_TEST(Memories, WithoutKeysOfTheirOwnReadTheValues) {
  Memory<TypeParam> memory;
  const std::vector<Index> lengths = {2, 2};
  memory.resize(lengths, 3, 0);
  EXPECT_TRUE(memory.keys_are_values());
  EXPECT_EQ(memory.keys().data(), memory.values().data());
  EXPECT_EQ(memory[1].keys.data(), memory[1].values.data());
  auto d = memory.gradient(1);
  EXPECT_EQ(d.keys.data(), d.values.data());
  EXPECT_EQ(d.values.data(), memory.values().data() + 2 * 3);
}

TYPED_TEST(Memories, HaveGradientsOfTheirShape) {
  const std::vector<Index> lengths = {1, 4};
  for (const Index d_e : {0, 6}) {
    Memory<TypeParam> memory;
    memory.resize(lengths, 3, d_e);
    memory.values().setConstant(1);
    memory.keys().setConstant(2);
    Memory<TypeParam> gradient;
    gradient.zero_like(memory);
    ASSERT_EQ(gradient.size(), 2);
    EXPECT_EQ(gradient.keys_are_values(), d_e == 0);
    EXPECT_EQ(gradient.values(), Matrix<TypeParam>::Zero(3, 5));
    EXPECT_EQ(gradient.keys(), Matrix<TypeParam>::Zero(d_e == 0 ? 3 : d_e, 5));
    gradient.gradient(1).values.setConstant(3);
    EXPECT_TRUE((gradient.values().rightCols(4).array() == TypeParam{3}).all());
    EXPECT_TRUE((gradient.values().leftCols(1).array() == TypeParam{0}).all());
  }
}

TYPED_TEST(Memories, AreUsedAgainForOtherSources) {
  Memory<TypeParam> memory;
  memory.resize(std::vector<Index>{9, 9}, 4, 5);
  const TypeParam* values = memory.values().data();
  memory.resize(std::vector<Index>{0, 2, 3}, 2, 0);
  EXPECT_EQ(memory.values().data(), values);
  EXPECT_EQ(memory.size(), 3);
  EXPECT_EQ(memory.length(2), 3);
  EXPECT_TRUE(memory.keys_are_values());
}

TYPED_TEST(Memories, OfASourceThatArrivesHoldAPart) {
  for (const Index d_e : {0, 2}) {
    Memory<TypeParam> memory;
    memory.listen(7, 3, d_e);
    EXPECT_EQ(memory.size(), 1);
    EXPECT_EQ(memory.length(0), 0);
    const auto* place = memory.values().data();
    for (Index t = 0; t < 100; ++t) {
      auto added = memory.append(1);
      added.values.setConstant(static_cast<TypeParam>(t));
      if (d_e > 0) added.keys.setConstant(static_cast<TypeParam>(-t));
      EXPECT_EQ(memory.forget(t - 5), t > 5 ? 1 : 0);
      EXPECT_EQ(memory.arrived(), t + 1);
      EXPECT_EQ(memory.first(), std::max<Index>(t - 5, 0));
      const auto view = memory[0];
      EXPECT_EQ(view.first, memory.first());
      ASSERT_EQ(view.values.cols(), std::min<Index>(t + 1, 6));
      for (Index i = 0; i < view.values.cols(); ++i) {
        EXPECT_EQ(view.values(2, i), static_cast<TypeParam>(view.first + i));
        if (d_e == 0) continue;
        EXPECT_EQ(view.keys(1, i), static_cast<TypeParam>(-(view.first + i)));
      }
    }
    EXPECT_EQ(memory.values().data(), place);
    EXPECT_EQ(memory.forget(1000), 6);
    EXPECT_EQ(memory.first(), 100);
  }
}

TEST(MemoryErrors, RefuseWhatIsNegative) {
  Memory<float> memory;
  const std::vector<Index> lengths{3, -2};
  EXPECT_EQ(reference::message_of([&] { memory.resize(lengths, 4, 4); }),
            "Memory::resize: a source is -2 long, expected 0 or more");
  EXPECT_EQ(reference::message_of([&] { memory.resize(std::span(lengths).first(1), 4, -1); }),
            "Memory::resize: values and keys are of size 4 and -1, expected 0 or more");
  EXPECT_EQ(memory.size(), 0);
}

TEST(MemoryErrors, RefuseMoreThanThereIsRoomFor) {
  Memory<float> memory;
  const auto overfull = [&] { static_cast<void>(memory.append(9)); };
  EXPECT_NE(reference::message_of(overfull).find("no room for 9 more"), std::string::npos);
  memory.listen(4, 1, 0);
  EXPECT_NE(reference::message_of(overfull).find("0 columns are held"), std::string::npos);
}

}  // namespace
