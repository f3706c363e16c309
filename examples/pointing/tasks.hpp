/// What there is to point at, and the right answers.
#pragma once

#include <algorithm>
#include <numeric>
#include <string>
#include <vector>

#include <attend/core/random.hpp>
#include <attend/core/types.hpp>
#include <attend/model/pointer_network.hpp>

namespace pointing {

using attend::Index;
using Example = attend::PointingExample<float>;

inline attend::Matrix<float> uniform_points(Index features, Index n, attend::Random& random) {
  attend::Matrix<float> points(features, n);
  for (Index i = 0; i < points.size(); ++i) {
    points.data()[i] = static_cast<float>(random.uniform(-1, 1));
  }
  return points;
}

/// n numbers; the answer is all of them from small to large.
inline Example numbers_to_sort(Index n, attend::Random& random) {
  Example example{uniform_points(1, n, random), std::vector<Index>(static_cast<std::size_t>(n))};
  std::iota(example.target.begin(), example.target.end(), Index{0});
  std::ranges::sort(example.target, {}, [&](Index i) { return example.source(0, i); });
  return example;
}

/// Twice the area of the triangle a b c; positive where it goes round counterclockwise.
inline float turn(const attend::Matrix<float>& p, Index a, Index b, Index c) {
  return (p(0, b) - p(0, a)) * (p(1, c) - p(1, a)) - (p(1, b) - p(1, a)) * (p(0, c) - p(0, a));
}

/// n points of the plane; the answer is their convex hull, counterclockwise from the leftmost
/// (Andrew 1979).
inline Example points_to_enclose(Index n, attend::Random& random) {
  const attend::Matrix<float> p = uniform_points(2, n, random);
  std::vector<Index> order(static_cast<std::size_t>(n));
  std::iota(order.begin(), order.end(), Index{0});
  std::ranges::sort(order, {}, [&](Index i) { return p(0, i); });
  std::vector<Index> hull;
  for (int half = 0; half < 2; ++half) {
    const std::size_t begin = hull.size();
    for (const Index i : order) {
      while (hull.size() >= begin + 2 && turn(p, hull[hull.size() - 2], hull.back(), i) <= 0) {
        hull.pop_back();
      }
      hull.push_back(i);
    }
    hull.pop_back();
    std::ranges::reverse(order);
  }
  return {p, hull};
}

struct Task {
  std::string name;
  std::string title;
  Index features;
  Index shortest;
  Index longest;
  std::vector<Index> tested;
  Example (*make)(Index n, attend::Random& random);
};

inline std::vector<Task> tasks() {
  return {{"sort", "sort numbers", 1, 5, 15, {5, 10, 15, 17, 20}, numbers_to_sort},
          {"hull", "enclose points", 2, 5, 10, {5, 10, 15, 20, 30}, points_to_enclose}};
}

}  // namespace pointing
