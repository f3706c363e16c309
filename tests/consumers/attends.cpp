// Somebody else's program: it knows attend::attend and looks up one of two words.
#include <cmath>
#include <cstdlib>
#include <iostream>

#include <attend/attend.hpp>

int main() {
  attend::Matrix<float> memory(2, 2);
  memory << 1, 0,  //
      0, 1;
  attend::Matrix<float> query(2, 1), context(2, 1);
  query << 3, 0;

  const attend::Attention attention{attend::Dot<float>{}};
  attend::AttentionWorkspace<float> workspace;
  attention.attend(memory, query, context, workspace);

  const float expected = 1.0F / (1.0F + std::exp(-3.0F));
  std::cout << "context " << context.transpose() << ", expected " << expected << '\n';
  return std::abs(context(0) - expected) < 1e-4F ? EXIT_SUCCESS : EXIT_FAILURE;
}
