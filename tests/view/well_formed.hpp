/// Reads the XML that the pictures are made of.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include <attend/core/utf8.hpp>

namespace attend_test {

/// Empty if the text is one well-formed element: tags nest, quotes close, entities are XML's own.
inline std::string complaint_of_xml(std::string_view text) {
  if (!attend::is_utf8(text)) return "not UTF-8";
  std::vector<std::string> open;
  std::size_t roots = 0;
  for (std::size_t i = 0; i < text.size();) {
    if (text[i] == '&') {
      const auto entity = text.substr(i, text.find(';', i) - i + 1);
      bool known = false;
      for (const std::string_view e : {"&amp;", "&lt;", "&gt;", "&quot;", "&#39;"}) {
        known = known || entity == e;
      }
      if (!known) return "entity " + std::string(entity.substr(0, 10));
    }
    if (text[i] != '<') {
      ++i;
      continue;
    }
    std::size_t end = i;
    bool quoted = false;
    while (end < text.size() && (quoted || text[end] != '>')) {
      if (text[end] == '"') quoted = !quoted;
      if (end > i && text[end] == '<') return "'<' inside a tag";
      ++end;
    }
    if (end == text.size()) return "a tag without an end";
    const std::string_view tag = text.substr(i + 1, end - i - 1);
    const std::string name(tag.substr(0, tag.find_first_of(" /", 1)));
    if (tag.starts_with('/')) {
      if (open.empty() || "/" + open.back() != name) return "closing " + name;
      open.pop_back();
    } else if (!tag.ends_with('/')) {
      if (open.empty()) ++roots;
      open.push_back(name);
    }
    i = end + 1;
  }
  if (!open.empty()) return "never closed: " + open.back();
  return roots == 1 ? "" : "not one root";
}

inline std::size_t occurrences(std::string_view text, std::string_view part) {
  std::size_t count = 0;
  for (auto at = text.find(part); at != text.npos; at = text.find(part, at + 1)) ++count;
  return count;
}

/// The number in the root's attribute, such as its width.
inline double root_number(std::string_view text, std::string_view attribute) {
  const auto at = text.find(' ' + std::string(attribute) + "=\"");
  return std::stod(std::string(text.substr(at + attribute.size() + 3, 12)));
}

}  // namespace attend_test
