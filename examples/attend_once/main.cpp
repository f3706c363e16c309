// Attends once: a query looks at five annotations.
#include <iostream>

#include <attend/attend.hpp>

int main() {
  attend::Random random(1);
  attend::Matrix<float> annotations(8, 5), query(6, 1);  // columns are time steps
  attend::initialize_normal(annotations, 1.0, random);
  attend::initialize_normal(query, 1.0, random);

  const attend::Attention attention{
      attend::Additive<float>({.query = 6, .key = 8, .energy = 16}, random)};
  attend::Matrix<float> context(8, 1), weights;
  attend::AttentionWorkspace<float> workspace;
  attention.attend(annotations, query, context, workspace, weights);

  std::cout << "weights " << weights.transpose() << ", their sum " << weights.sum()
            << "\na context of " << context.rows() << " features\n";
}
