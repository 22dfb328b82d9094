// SPDX-License-Identifier: GPL-3.0-or-later
#include "ui/prompt/code_highlight.h"

#include <QHash>
#include <QSet>
#include <QStringList>

#include <array>

namespace fulgurite {
namespace {

struct Language {
    const char* names; // separated by spaces, the first lower-case name is what fences use most
    const char* title;
    const char* keywords;
    const char* line_comment;
    const char* block_begin;
    const char* block_end;
    const char* triple; // quotes of strings that span lines
};

constexpr const char* kCKeywords =
    "alignas alignof auto bool break case catch char class co_await co_return co_yield concept const consteval "
    "constexpr constinit continue decltype default delete do double else enum explicit export extern false final "
    "float for friend goto if inline int long mutable namespace new noexcept nullptr operator override private "
    "protected public register requires return short signed sizeof static static_assert static_cast struct switch "
    "template this throw true try typedef typename union unsigned using virtual void volatile while "
    "__global__ __device__ __shared__ __host__";

constexpr std::array<Language, 12> kLanguages{{
    {"python py python3", "Python",
     "and as assert async await break class continue def del elif else except False finally for from global if "
     "import in is lambda match None nonlocal not or pass raise return True try while with yield",
     "#", "", "", "\"\"\" '''"},
    {"cpp c++ cc cxx hpp h c cuda cu", "C++", kCKeywords, "//", "/*", "*/", ""},
    {"javascript js jsx typescript ts tsx", "JavaScript",
     "async await break case catch class const continue debugger default delete do else enum export extends false "
     "finally for from function if implements import in instanceof interface let new null of private public return "
     "static super switch this throw true try type typeof undefined var void while with yield",
     "//", "/*", "*/", "`"},
    {"rust rs", "Rust",
     "as async await break const continue crate dyn else enum extern false fn for if impl in let loop match mod "
     "move "
     "mut pub ref return self Self static struct super trait true type unsafe use where while",
     "//", "/*", "*/", ""},
    {"go golang", "Go",
     "break case chan const continue default defer else fallthrough false for func go goto if import interface map "
     "nil package range return select struct switch true type var",
     "//", "/*", "*/", "`"},
    {"java kotlin kt scala csharp cs swift", "Java",
     "abstract assert boolean break byte case catch char class const continue default do double else enum extends "
     "false final finally float for fun func if implements import in instanceof int interface internal is let long "
     "namespace native new null object override package private protected public return short static string struct "
     "super switch synchronized this throw throws true try typealias using val var virtual void volatile when "
     "while",
     "//", "/*", "*/", ""},
    {"bash sh shell zsh console", "Shell",
     "case do done elif else esac exit export fi for function if in local return select set shift then until while",
     "#", "", "", ""},
    {"sql sqlite", "SQL",
     "add all alter and as asc begin between by case cast check collate commit constraint create cross default "
     "delete "
     "desc distinct drop else end exists foreign from full group having if in index inner insert into is join key "
     "left like limit not null on or order outer pragma primary references right rollback select set strict table "
     "then trigger union unique update using values view virtual when where with",
     "--", "/*", "*/", ""},
    {"json jsonc", "JSON", "true false null", "//", "", "", ""},
    {"yaml yml toml ini conf", "YAML", "true false null yes no on off", "#", "", "", ""},
    {"cmake make makefile dockerfile", "CMake",
     "add_executable add_library add_subdirectory cmake_minimum_required else elseif endforeach endfunction endif "
     "find_package foreach function if include install option project set target_include_directories "
     "target_link_libraries FROM RUN COPY CMD ENV",
     "#", "", "", ""},
    {"julia jl r ruby rb lua perl", "Julia",
     "and begin break case catch class const continue def do else elseif elsif end ensure export false for "
     "function "
     "global if import in let local macro module next nil not or quote repeat rescue return self struct then true "
     "try type unless until using when while yield",
     "#", "", "", ""},
}};

const Language* find(const QString& language) {
    const QString name = language.toLower();
    for (const Language& candidate : kLanguages) {
        if (QString::fromLatin1(candidate.names).split(u' ').contains(name)) {
            return &candidate;
        }
    }
    return nullptr;
}

const QSet<QString>& keywordsOf(const Language& language) {
    static QHash<const Language*, QSet<QString>> cache;
    QSet<QString>& keywords = cache[&language];
    if (keywords.isEmpty()) {
        for (const QString& word : QString::fromLatin1(language.keywords).split(u' ')) {
            keywords.insert(word);
        }
    }
    return keywords;
}

bool isNewline(QChar character) {
    return character == u'\n' || character == QChar::LineSeparator;
}

bool isWord(QChar character) {
    return character.isLetterOrNumber() || character == u'_';
}

class Highlighter {
  public:
    Highlighter(const QString& code, const Language* language) : code_(code), language_(language) {}

    std::vector<HighlightSpan> run() {
        while (at_ < size()) {
            if (!comment() && !quoted() && !number() && !word()) {
                ++at_;
            }
        }
        return std::move(spans_);
    }

  private:
    int size() const { return static_cast<int>(code_.size()); }
    bool starts(const QString& what) const {
        return !what.isEmpty() && QStringView(code_).mid(at_).startsWith(what);
    }

    void take(int end, Role role) {
        spans_.push_back({at_, end, role});
        at_ = end;
    }

    int endOfLine(int from) const {
        while (from < size() && !isNewline(code_[from])) {
            ++from;
        }
        return from;
    }

    int behind(const QString& what, int from) const {
        const auto found = code_.indexOf(what, from);
        return found < 0 ? size() : static_cast<int>(found + what.size());
    }

    bool comment() {
        if (language_ == nullptr) {
            return false;
        }
        if (starts(QString::fromLatin1(language_->line_comment))) {
            take(endOfLine(at_), Role::SyntaxComment);
            return true;
        }
        const QString begin = QString::fromLatin1(language_->block_begin);
        if (starts(begin)) {
            const int from = at_ + static_cast<int>(begin.size());
            take(behind(QString::fromLatin1(language_->block_end), from), Role::SyntaxComment);
            return true;
        }
        return false;
    }

    bool quoted() {
        if (language_ != nullptr) {
            for (const QString& mark : QString::fromLatin1(language_->triple).split(u' ', Qt::SkipEmptyParts)) {
                if (starts(mark)) {
                    take(behind(mark, at_ + static_cast<int>(mark.size())), Role::SyntaxString);
                    return true;
                }
            }
        }
        const QChar mark = code_[at_];
        if (mark != u'"' && mark != u'\'') {
            return false;
        }
        int end = at_ + 1;
        while (end < size() && code_[end] != mark && !isNewline(code_[end])) {
            end += code_[end] == u'\\' ? 2 : 1;
        }
        const bool closed = end < size() && code_[end] == mark;
        if (!closed && mark == u'\'') {
            return false; // an apostrophe, a lifetime
        }
        take(std::min(size(), closed ? end + 1 : end), Role::SyntaxString);
        return true;
    }

    bool number() {
        if (!code_[at_].isDigit()) {
            return false;
        }
        int end = at_ + 1;
        while (end < size() && (isWord(code_[end]) || code_[end] == u'.')) {
            ++end;
        }
        take(end, Role::SyntaxNumber);
        return true;
    }

    bool word() {
        if (!isWord(code_[at_])) {
            return false;
        }
        int end = at_ + 1;
        while (end < size() && isWord(code_[end])) {
            ++end;
        }
        const QString text = code_.mid(at_, end - at_);
        if (language_ != nullptr &&
            (keywordsOf(*language_).contains(text) ||
             (language_->line_comment[0] == '-' && keywordsOf(*language_).contains(text.toLower())))) {
            take(end, Role::SyntaxKeyword);
        } else {
            at_ = end;
        }
        return true;
    }

    const QString& code_;
    const Language* language_;
    int at_ = 0;
    std::vector<HighlightSpan> spans_;
};

} // namespace

std::vector<HighlightSpan> highlightCode(const QString& code, const QString& language) {
    return Highlighter(code, find(language)).run();
}

QString languageTitle(const QString& language) {
    if (language.isEmpty()) {
        return QStringLiteral("Text");
    }
    const Language* known = find(language);
    if (known == nullptr) {
        return language;
    }
    // A group's title fits only the first of its names; the others keep their own, which people recognise.
    const QStringList names = QString::fromLatin1(known->names).split(u' ');
    const auto index = names.indexOf(language.toLower());
    return index <= 1 || QLatin1String(known->title) == QLatin1String("Shell") ? QString::fromLatin1(known->title)
                                                                               : language;
}

} // namespace fulgurite
