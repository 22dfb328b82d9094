// SPDX-License-Identifier: GPL-3.0-or-later
// Every colour of the desktop, named by what it means. Widgets and charts ask for a role, never for a colour; the
// values stand in resources/themes/{dark,light}.json.
#pragma once

#include <QColor>
#include <QString>

#include <array>

namespace fulgurite {

enum class Role {
    Background, // of the window and of plots
    Panel,      // a surface on it
    Raised,     // hover, cards, fields on a panel
    Line,       // borders, rules, pressed
    Grid,       // inside plots only
    Text,
    Muted,  // secondary text; also disabled
    Faint,  // marks, never text
    Accent, // selected mark, or the one next action
    AccentHover,
    OnAccent, // text on a filled accent
    Lightning,
    Softmax,
    Good,
    Bad,
    Warn,
    Selection, // ground of the selected row
    Focus,
    Surprise,
    Probability,
    Positive, // signed data above zero
    Negative, // below
    Zero,     // at zero: ink in dark, white in light, so that nothing near zero glows
    NoticeGround,
    NoticeLine,
    Weights,   // memory bar
    Workspace, // memory bar
    Run1,
    Run2,
    Run3,
    Stage1, // of a cascade: coarse sieve to fine, one ramp
    Stage2,
    Stage3,
    Fell,     // what a stage let fall
    RunText1, // text in the colour of a run
    RunText2,
    RunText3,
    RatioBelow, // importance ratio under 1
    RatioAbove, // over 1
    Capped,     // text about a capped token on a panel
    OnCapped,   // on the fill of one
    Standard,   // retrieval by the one vector
    Split,      // by pieces of it
    AspectA,    // the relevant documents of a query, in their order
    AspectB,
    AspectC,
    AspectD,
    AspectE,
    SyntaxKeyword,
    SyntaxString,
    SyntaxNumber,
    SyntaxComment,
    Shadow,
    Count,
};

// The name of a role in a theme file: "notice_ground".
QString roleName(Role role);

// One set of colours. A value type: cheap to copy, unchanging.
class Theme {
  public:
    Theme() = default;

    // Reads a theme file. Throws Error{NotFound | Corrupt} that names the file and the role.
    static Theme load(const QString& path);

    QColor color(Role role) const { return colors_[static_cast<std::size_t>(role)]; }
    QColor color(Role role, double alpha) const;
    // The colour `share` of the way from one role to another, in linear light.
    QColor mix(Role from, Role to, double share) const;
    bool dark() const { return dark_; }
    const QString& name() const { return name_; }

  private:
    std::array<QColor, static_cast<std::size_t>(Role::Count)> colors_{};
    QString name_;
    bool dark_ = true;
};

// Contrast ratio of two opaque colours as WCAG 2 defines it, 1 to 21.
double contrastRatio(const QColor& a, const QColor& b);

} // namespace fulgurite
