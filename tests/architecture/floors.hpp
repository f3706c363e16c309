/// Reads the includes of a tree of headers and finds what the floor table does not allow.
#pragma once

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <map>
#include <regex>
#include <set>
#include <sstream>
#include <string>
#include <vector>

namespace architecture {

/// One header, by its path below include/attend: "core/types.hpp".
struct Header {
  std::vector<std::string> lines;
  std::vector<std::string> includes;  ///< below include/attend
  std::set<std::string> foreign;      ///< of other libraries
  bool says_why_it_crosses = false;
};

using Headers = std::map<std::string, Header>;

inline const std::map<std::string, int>& floor_of_folder() {
  static const std::map<std::string, int> table = {
      {"core", 0},    {"kernel", 1},  {"layer", 2}, {"cell", 2},   {"score", 2}, {"attention", 3},
      {"encoder", 4}, {"decoder", 4}, {"loss", 4},  {"model", 5},  {"train", 6}, {"search", 6},
      {"io", 6},      {"text", 6},    {"view", 6},  {"testing", 6}};
  return table;
}

inline std::string folder_of(const std::string& header) {
  return header.substr(0, header.find('/'));
}

inline Header read_header(const std::filesystem::path& file) {
  static const std::regex include(R"(^\s*#\s*include\s*([<"])([^>"]+)[>"].*)");
  static const std::regex crosses(R"(^/// crosses: \S.*)");
  Header header;
  std::ifstream in(file);
  bool head = true;
  for (std::string line; std::getline(in, line);) {
    std::smatch match;
    head = head && (line.empty() || line.starts_with("//"));
    if (head && std::regex_match(line, crosses)) header.says_why_it_crosses = true;
    if (std::regex_match(line, match, include)) {
      const std::string name = match[2];
      if (match[1] == "<" && name.starts_with("attend/")) {
        header.includes.push_back(name.substr(std::string("attend/").size()));
      } else {
        header.foreign.insert(match[1].str() + name);
      }
    }
    header.lines.push_back(std::move(line));
  }
  return header;
}

/// All headers below include/attend of a project.
inline Headers read_headers(const std::filesystem::path& project) {
  const std::filesystem::path root = project / "include" / "attend";
  Headers headers;
  for (const auto& entry : std::filesystem::recursive_directory_iterator(root)) {
    if (entry.path().extension() == ".hpp") {
      headers[entry.path().lexically_relative(root).generic_string()] = read_header(entry.path());
    }
  }
  return headers;
}

/// The headers of cmake/optional_headers.txt, each with the target that it belongs to.
inline std::map<std::string, std::string> read_optional_headers(
    const std::filesystem::path& project) {
  std::map<std::string, std::string> optional;
  std::ifstream in(project / "cmake" / "optional_headers.txt");
  for (std::string line; std::getline(in, line);) {
    std::istringstream words(line);
    std::string target, header;
    if (!line.starts_with("#") && words >> target >> header) optional[header] = target;
  }
  return optional;
}

/// Why `from` may not include `to`; empty where it may.
inline std::string refusal(const std::string& from, const std::string& to, const Header& header) {
  const auto& floors = floor_of_folder();
  const std::string here = folder_of(from), there = folder_of(to);
  if (!floors.contains(there)) return "a folder that has no floor";
  const int floor = floors.at(here), other = floors.at(there);
  if (other > floor) return "a higher floor";
  if (here == there || other < floor) return "";
  if (floor == 2) return "another folder of floor 2";
  if (floor == 6 && !header.says_why_it_crosses) {
    return "another folder of floor 6, and no line '/// crosses: <reason>' in its head says why";
  }
  return "";
}

inline std::vector<std::string> floor_violations(const Headers& headers) {
  std::vector<std::string> violations;
  for (const auto& [name, header] : headers) {
    if (name == "attend.hpp") continue;
    if (!floor_of_folder().contains(folder_of(name))) {
      violations.push_back(name + " is in a folder that has no floor");
      continue;
    }
    for (const std::string& included : header.includes) {
      if (!headers.contains(included)) {
        violations.push_back(name + " includes " + included + ", which does not exist");
      } else if (const std::string why = refusal(name, included, header); !why.empty()) {
        violations.push_back(name + " includes " + included + " of " + why);
      }
    }
  }
  return violations;
}

namespace detail {

inline void walk(const Headers& headers, const std::string& name, std::vector<std::string>& path,
                 std::set<std::string>& finished, std::vector<std::string>& cycles) {
  if (!headers.contains(name) || finished.contains(name)) return;
  if (const auto seen = std::find(path.begin(), path.end(), name); seen != path.end()) {
    std::string cycle;
    for (auto step = seen; step != path.end(); ++step) cycle += *step + " -> ";
    cycles.push_back(cycle + name);
    return;
  }
  path.push_back(name);
  for (const std::string& included : headers.at(name).includes) {
    walk(headers, included, path, finished, cycles);
  }
  path.pop_back();
  finished.insert(name);
}

}  // namespace detail

/// Every circle of includes that a depth-first walk closes.
inline std::vector<std::string> cycles(const Headers& headers) {
  std::vector<std::string> found, path;
  std::set<std::string> finished;
  for (const auto& [name, header] : headers) detail::walk(headers, name, path, finished, found);
  return found;
}

/// Headers that need an optional library without being listed as such, and the other way round.
inline std::vector<std::string> optional_violations(
    const Headers& headers, const std::map<std::string, std::string>& optional) {
  static const std::regex extra(R"(<(nlohmann/|sentencepiece|zlib).*)");
  std::vector<std::string> violations;
  for (const auto& [name, target] : optional) {
    if (!headers.contains(name)) violations.push_back(name + " is listed and does not exist");
  }
  for (const auto& [name, header] : headers) {
    if (optional.contains(name)) continue;
    for (const std::string& included : header.includes) {
      if (optional.contains(included)) {
        violations.push_back(name + " includes " + included + ": list it in optional_headers.txt");
      }
    }
    for (const std::string& library : header.foreign) {
      if (std::regex_match(library, extra)) {
        violations.push_back(name + " includes " + library + ">: list it in optional_headers.txt");
      }
    }
  }
  return violations;
}

/// What every header must hold: a guard, the inline namespace, includes in angle brackets.
inline std::vector<std::string> form_violations(const Headers& headers) {
  std::vector<std::string> violations;
  for (const auto& [name, header] : headers) {
    const auto has = [&lines = header.lines](const std::string& text) {
      return std::any_of(lines.begin(), lines.end(),
                         [&](const std::string& line) { return line.starts_with(text); });
    };
    if (!has("#pragma once")) violations.push_back(name + " has no #pragma once");
    if (name != "attend.hpp" && !has("namespace attend::inline ATTEND_ABI")) {
      violations.push_back(name + " does not open namespace attend::inline ATTEND_ABI");
    }
    for (const std::string& other : header.foreign) {
      if (other.starts_with('"')) {
        violations.push_back(name + " includes " + other + "\" by quotes");
      }
    }
  }
  return violations;
}

/// What is wrong with attend.hpp: an ordered list of includes of every header and nothing else.
inline std::vector<std::string> umbrella_violations(
    const Headers& headers, const std::map<std::string, std::string>& optional) {
  std::vector<std::string> violations;
  if (!headers.contains("attend.hpp")) return {"there is no attend.hpp"};
  const Header& umbrella = headers.at("attend.hpp");
  for (const std::string& line : umbrella.lines) {
    if (!line.empty() && !line.starts_with("//") && line != "#pragma once" &&
        !line.starts_with("#include <attend/")) {
      violations.push_back("attend.hpp holds more than includes: " + line);
    }
  }
  int floor = 0;
  std::set<std::string> listed;
  for (const std::string& name : umbrella.includes) {
    if (!headers.contains(name)) violations.push_back("attend.hpp lists " + name + ", not there");
    if (optional.contains(name)) violations.push_back("attend.hpp lists the optional " + name);
    if (!listed.insert(name).second) violations.push_back("attend.hpp lists twice " + name);
    const auto found = floor_of_folder().find(folder_of(name));
    const int next = found == floor_of_folder().end() ? floor : found->second;
    if (next < floor) violations.push_back("attend.hpp lists too late " + name);
    floor = std::max(floor, next);
  }
  for (const auto& [name, header] : headers) {
    if (name != "attend.hpp" && !optional.contains(name) && !listed.contains(name)) {
      violations.push_back("attend.hpp does not list " + name + ": run scripts/umbrella");
    }
  }
  return violations;
}

}  // namespace architecture
