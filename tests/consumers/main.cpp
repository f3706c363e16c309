// The program of somebody else, who only knows attend::attend.
#include <iostream>

#include <Eigen/Core>

#include <attend/attend.hpp>
