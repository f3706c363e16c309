#include "floors.hpp"

#include <filesystem>
#include <fstream>
#include <map>
#include <string>
#include <vector>

#include <gtest/gtest.h>

namespace {

using architecture::Headers;
using Violations = std::vector<std::string>;

std::string joined(const Violations& violations) {
  std::string text;
  for (const std::string& violation : violations) text += violation + "\n";
  return text;
}

const Headers& project_headers() {
  static const Headers headers = architecture::read_headers(ATTEND_SOURCE_DIR);
  return headers;
}

std::map<std::string, std::string> project_optional() {
  return architecture::read_optional_headers(ATTEND_SOURCE_DIR);
}

TEST(Project, HasHeadersToLookAt) {
  EXPECT_GT(project_headers().size(), 3U);
  EXPECT_TRUE(project_headers().contains("core/types.hpp"));
  EXPECT_FALSE(project_headers().at("core/types.hpp").includes.empty());
}

TEST(Project, KeepsItsFloors) {
  EXPECT_EQ(joined(architecture::floor_violations(project_headers())), "");
}

TEST(Project, HasNoCycles) { EXPECT_EQ(joined(architecture::cycles(project_headers())), ""); }

TEST(Project, ListsTheHeadersThatNeedMoreThanEigen) {
  EXPECT_EQ(joined(architecture::optional_violations(project_headers(), project_optional())), "");
}

TEST(Project, WritesEveryHeaderInTheSameForm) {
  EXPECT_EQ(joined(architecture::form_violations(project_headers())), "");
}

TEST(Project, HasAnUmbrellaOfAllHeaders) {
  EXPECT_EQ(joined(architecture::umbrella_violations(project_headers(), project_optional())), "");
}

/// A tree of headers, each with a text, written to a folder and read back.
class Tree : public testing::Test {
 protected:
  void SetUp() override {
    const std::string name = testing::UnitTest::GetInstance()->current_test_info()->name();
    project_ = std::filesystem::temp_directory_path() / ("attend_floors_" + name);
    std::filesystem::remove_all(project_);
  }
  void TearDown() override { std::filesystem::remove_all(project_); }

  Headers tree(const std::map<std::string, std::string>& texts) const {
    for (const auto& [name, text] : texts) {
      const std::filesystem::path file = project_ / "include" / "attend" / name;
      std::filesystem::create_directories(file.parent_path());
      std::ofstream(file) << text;
    }
    return architecture::read_headers(project_);
  }

  std::filesystem::path project_;
};

TEST_F(Tree, MayIncludeItsOwnFolderAndLowerFloors) {
  const Headers headers = tree({{"core/a.hpp", ""},
                                {"core/b.hpp", "#include <attend/core/a.hpp>\n"},
                                {"loss/c.hpp", "#include <attend/core/b.hpp>\n"},
                                {"encoder/d.hpp", "#include <attend/loss/c.hpp>\n"}});
  EXPECT_EQ(architecture::floor_violations(headers), Violations{});
}

TEST_F(Tree, MayNotIncludeAHigherFloor) {
  const Headers headers =
      tree({{"kernel/a.hpp", "#  include <attend/model/b.hpp>  // why\n"}, {"model/b.hpp", ""}});
  EXPECT_EQ(architecture::floor_violations(headers),
            Violations{"kernel/a.hpp includes model/b.hpp of a higher floor"});
}

TEST_F(Tree, MayNotMixTheFoldersOfFloorTwo) {
  const Headers headers =
      tree({{"cell/a.hpp", "#include <attend/layer/b.hpp>\n"}, {"layer/b.hpp", ""}});
  EXPECT_EQ(architecture::floor_violations(headers),
            Violations{"cell/a.hpp includes layer/b.hpp of another folder of floor 2"});
}

TEST_F(Tree, CrossesFloorSixOnlyWithAReasonInTheHead) {
  const std::string include = "#include <attend/io/b.hpp>\n";
  const Headers headers =
      tree({{"io/b.hpp", ""},
            {"train/silent.hpp", "#pragma once\n" + include},
            {"train/late.hpp", "#pragma once\n/// crosses: too late\n" + include},
            {"train/empty.hpp", "/// crosses: \n#pragma once\n" + include},
            {"train/said.hpp", "/// A.\n/// crosses: checkpoints are files\n" + include}});
  const Violations violations = architecture::floor_violations(headers);
  ASSERT_EQ(violations.size(), 3U) << joined(violations);
  EXPECT_NE(violations[0].find("train/empty.hpp"), std::string::npos);
  EXPECT_NE(violations[1].find("train/late.hpp"), std::string::npos);
  EXPECT_NE(violations[2].find("train/silent.hpp"), std::string::npos);
}

TEST_F(Tree, MayNotHoldFoldersOrIncludesThatAreNotThere) {
  const Headers headers =
      tree({{"helpers/a.hpp", ""}, {"core/b.hpp", "#include <attend/core/gone.hpp>\n"}});
  EXPECT_EQ(architecture::floor_violations(headers),
            (Violations{"core/b.hpp includes core/gone.hpp, which does not exist",
                        "helpers/a.hpp is in a folder that has no floor"}));
}

TEST_F(Tree, ShowsACycle) {
  const Headers headers = tree({{"core/a.hpp", "#include <attend/core/b.hpp>\n"},
                                {"core/b.hpp", "#include <attend/core/c.hpp>\n"},
                                {"core/c.hpp", "#include <attend/core/b.hpp>\n"}});
  EXPECT_EQ(architecture::cycles(headers), Violations{"core/b.hpp -> core/c.hpp -> core/b.hpp"});
}

TEST_F(Tree, HasNoCycleWhereTwoWaysMeet) {
  const Headers headers =
      tree({{"core/a.hpp", "#include <attend/core/b.hpp>\n#include <attend/core/c.hpp>\n"},
            {"core/b.hpp", "#include <attend/core/d.hpp>\n"},
            {"core/c.hpp", "#include <attend/core/d.hpp>\n"},
            {"core/d.hpp", ""}});
  EXPECT_EQ(architecture::cycles(headers), Violations{});
}

TEST_F(Tree, ListsWhatNeedsAnotherLibrary) {
  const Headers headers = tree({{"io/a.hpp", "#include <nlohmann/json.hpp>\n"},
                                {"io/b.hpp", "#include <attend/io/listed.hpp>\n"},
                                {"io/listed.hpp", "#include <nlohmann/json.hpp>\n"}});
  EXPECT_EQ(
      architecture::optional_violations(headers, {{"io/listed.hpp", "json"}, {"io/x.hpp", "json"}}),
      (Violations{"io/x.hpp is listed and does not exist",
                  "io/a.hpp includes <nlohmann/json.hpp>: list it in optional_headers.txt",
                  "io/b.hpp includes io/listed.hpp: list it in optional_headers.txt"}));
}

TEST_F(Tree, NeedsTheFormOfAHeader) {
  const Headers headers =
      tree({{"core/a.hpp", "#pragma once\nnamespace attend::inline ATTEND_ABI {\n}\n"},
            {"core/b.hpp", "#include \"a.hpp\"\nnamespace attend {\n}\n"}});
  EXPECT_EQ(architecture::form_violations(headers),
            (Violations{"core/b.hpp has no #pragma once",
                        "core/b.hpp does not open namespace attend::inline ATTEND_ABI",
                        "core/b.hpp includes \"a.hpp\" by quotes"}));
}

TEST_F(Tree, NeedsAnUmbrellaInOrder) {
  const Headers headers = tree({{"core/a.hpp", ""},
                                {"core/b.hpp", ""},
                                {"io/json.hpp", ""},
                                {"view/c.hpp", ""},
                                {"attend.hpp",
                                 "/// All.\n#pragma once\n\n#include <attend/view/c.hpp>\n"
                                 "#include <attend/core/a.hpp>\n#include <attend/core/a.hpp>\n"
                                 "#include <attend/io/json.hpp>\nint x;\n"}});
  EXPECT_EQ(architecture::umbrella_violations(headers, {{"io/json.hpp", "json"}}),
            (Violations{"attend.hpp holds more than includes: int x;",
                        "attend.hpp lists too late core/a.hpp", "attend.hpp lists twice core/a.hpp",
                        "attend.hpp lists too late core/a.hpp",
                        "attend.hpp lists the optional io/json.hpp",
                        "attend.hpp does not list core/b.hpp: run scripts/umbrella"}));
}

}  // namespace
