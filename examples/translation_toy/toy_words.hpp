/// The words of the toy language, German and English, and how they change.
#pragma once

#include <array>
#include <string>
#include <string_view>

namespace toy {

enum class Gender { masculine, feminine, neuter };
enum class Number { singular, plural };
enum class Case { nominative, accusative, dative };

struct Noun {
  Gender gender;
  std::string_view singular, plural;
  std::string_view english, english_plural;
};

inline constexpr std::array<Noun, 8> people{{
    {Gender::masculine, "Mann", "Männer", "man", "men"},
    {Gender::masculine, "Freund", "Freunde", "friend", "friends"},
    {Gender::masculine, "Lehrer", "Lehrer", "teacher", "teachers"},
    {Gender::feminine, "Frau", "Frauen", "woman", "women"},
    {Gender::feminine, "Ärztin", "Ärztinnen", "doctor", "doctors"},
    {Gender::feminine, "Schwester", "Schwestern", "sister", "sisters"},
    {Gender::neuter, "Kind", "Kinder", "child", "children"},
    {Gender::neuter, "Mädchen", "Mädchen", "girl", "girls"},
}};

inline constexpr std::array<Noun, 6> things{{
    {Gender::masculine, "Brief", "Briefe", "letter", "letters"},
    {Gender::masculine, "Koffer", "Koffer", "suitcase", "suitcases"},
    {Gender::feminine, "Tür", "Türen", "door", "doors"},
    {Gender::feminine, "Tasche", "Taschen", "bag", "bags"},
    {Gender::neuter, "Buch", "Bücher", "book", "books"},
    {Gender::neuter, "Fenster", "Fenster", "window", "windows"},
}};

inline constexpr std::array<Noun, 3> places{{
    {Gender::masculine, "Garten", "Gärten", "garden", "gardens"},
    {Gender::feminine, "Küche", "Küchen", "kitchen", "kitchens"},
    {Gender::neuter, "Haus", "Häuser", "house", "houses"},
}};

struct Adjective {
  std::string_view stem, english;
};

inline constexpr std::array<Adjective, 6> adjectives{{
    {"alt", "old"},
    {"jung", "young"},
    {"klein", "small"},
    {"groß", "big"},
    {"rot", "red"},
    {"neu", "new"},
}};

/// How a determiner's own endings go, and by that those of the adjective behind it.
enum class Declension { none, article, strong, mixed };

struct Determiner {
  Declension declension;
  std::string_view stem;
  std::string_view english, english_plural;
  bool has_plural, takes_numeral;
};

inline constexpr std::array<Determiner, 6> determiners{{
    {Declension::article, "", "the", "the", true, true},
    {Declension::strong, "dies", "this", "these", true, true},
    {Declension::mixed, "ein", "a", "", false, false},
    {Declension::mixed, "mein", "my", "my", true, true},
    {Declension::mixed, "unser", "our", "our", true, true},
    {Declension::mixed, "kein", "no", "no", true, false},
}};
inline constexpr Determiner no_determiner{Declension::none, "", "", "", true, true};

/// Endings by case, then by gender, the last for the plural.
using Endings = std::array<std::array<std::string_view, 4>, 3>;
inline constexpr Endings articles{
    {{"der", "die", "das", "die"}, {"den", "die", "das", "die"}, {"dem", "der", "dem", "den"}}};
inline constexpr Endings strong_endings{
    {{"er", "e", "es", "e"}, {"en", "e", "es", "e"}, {"em", "er", "em", "en"}}};
inline constexpr Endings mixed_endings{
    {{"", "e", "", "e"}, {"en", "e", "", "e"}, {"em", "er", "em", "en"}}};
inline constexpr Endings adjectives_after_strong{
    {{"e", "e", "e", "en"}, {"en", "e", "e", "en"}, {"en", "en", "en", "en"}}};
inline constexpr Endings adjectives_after_mixed{
    {{"er", "e", "es", "en"}, {"en", "e", "es", "en"}, {"en", "en", "en", "en"}}};

struct Pronoun {
  std::string_view german, english;
  Number number;
};

/// "sie" is "she" or "they": only the verb tells, and it may stand at the end.
inline constexpr std::array<Pronoun, 4> pronouns{{
    {"er", "he", Number::singular},
    {"sie", "she", Number::singular},
    {"wir", "we", Number::plural},
    {"sie", "they", Number::plural},
}};

/// What a verb wants beside its subject; a gift has a recipient and a thing. Verbs of change want
/// nothing and make their perfect with "sein".
enum class Frame { nothing, change, person, thing, anything, gift };
using enum Frame;

/// A verb by its forms, for one who acts and for several. The participle, like the infinitive, is
/// joined behind the particle.
struct Verb {
  Frame frame;
  std::string_view particle;
  std::array<std::string_view, 2> german;
  std::string_view participle;
  std::array<std::string_view, 3> english;  ///< they call, she calls, she called
};

/// Five pairs differ by the particle alone, which stands at the end of a main clause.
inline constexpr std::array<Verb, 16> verbs{{
    {nothing, "", {"schläft", "schlafen"}, "geschlafen", {"sleep", "sleeps", "slept"}},
    {change,
     "ein",
     {"schläft", "schlafen"},
     "geschlafen",
     {"fall asleep", "falls asleep", "fell asleep"}},
    {nothing, "", {"lacht", "lachen"}, "gelacht", {"laugh", "laughs", "laughed"}},
    {change, "auf", {"steht", "stehen"}, "gestanden", {"get up", "gets up", "got up"}},
    {anything, "", {"sieht", "sehen"}, "gesehen", {"see", "sees", "saw"}},
    {anything, "an", {"sieht", "sehen"}, "gesehen", {"look at", "looks at", "looked at"}},
    {person, "an", {"ruft", "rufen"}, "gerufen", {"call", "calls", "called"}},
    {person, "ein", {"lädt", "laden"}, "geladen", {"invite", "invites", "invited"}},
    {anything, "ab", {"holt", "holen"}, "geholt", {"pick up", "picks up", "picked up"}},
    {anything, "", {"sucht", "suchen"}, "gesucht", {"look for", "looks for", "looked for"}},
    {thing, "aus", {"sucht", "suchen"}, "gesucht", {"choose", "chooses", "chose"}},
    {thing, "", {"kauft", "kaufen"}, "gekauft", {"buy", "buys", "bought"}},
    {thing, "auf", {"macht", "machen"}, "gemacht", {"open", "opens", "opened"}},
    {thing, "zu", {"macht", "machen"}, "gemacht", {"close", "closes", "closed"}},
    {gift, "", {"gibt", "geben"}, "gegeben", {"give", "gives", "gave"}},
    {gift, "zurück", {"gibt", "geben"}, "gegeben", {"give back", "gives back", "gave back"}},
}};

struct Modal {
  std::array<std::string_view, 2> german;
  std::string_view english, english_third;
};

inline constexpr std::array<Modal, 3> modals{{
    {{"will", "wollen"}, "want to", "wants to"},
    {{"kann", "können"}, "can", "can"},
    {{"muss", "müssen"}, "must", "must"},
}};

inline constexpr std::array<std::string_view, 2> haben{"hat", "haben"};
inline constexpr std::array<std::string_view, 2> sein{"ist", "sind"};

/// A phrase that is the same in every sentence.
struct Phrase {
  std::string_view german, english;
};

inline constexpr std::array<Phrase, 2> past_times{{{"gestern", "yesterday"}, {"heute", "today"}}};
inline constexpr std::array<Phrase, 3> times{
    {{"heute", "today"}, {"morgen", "tomorrow"}, {"abends", "in the evening"}}};
inline constexpr std::array<Phrase, 4> conjunctions{
    {{"weil", "because"}, {"obwohl", "although"}, {"wenn", "when"}, {"bevor", "before"}}};
inline constexpr std::array<Phrase, 4> openings{{{"ich weiß", "I know"},
                                                 {"er glaubt", "he believes"},
                                                 {"wir hoffen", "we hope"},
                                                 {"sie sagt", "she says"}}};

/// 2 ... 12.
inline constexpr std::array<Phrase, 11> small_numerals{{{"zwei", "two"},
                                                        {"drei", "three"},
                                                        {"vier", "four"},
                                                        {"fünf", "five"},
                                                        {"sechs", "six"},
                                                        {"sieben", "seven"},
                                                        {"acht", "eight"},
                                                        {"neun", "nine"},
                                                        {"zehn", "ten"},
                                                        {"elf", "eleven"},
                                                        {"zwölf", "twelve"}}};
/// 20, 30 ... 90.
inline constexpr std::array<Phrase, 8> tens{{{"zwanzig", "twenty"},
                                             {"dreißig", "thirty"},
                                             {"vierzig", "forty"},
                                             {"fünfzig", "fifty"},
                                             {"sechzig", "sixty"},
                                             {"siebzig", "seventy"},
                                             {"achtzig", "eighty"},
                                             {"neunzig", "ninety"}}};

}  // namespace toy
