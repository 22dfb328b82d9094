// SPDX-License-Identifier: GPL-3.0-or-later
// Puts a theme in force: palette, fonts and style sheet of the application.
#include "ui/base/theme_manager.h"

#include "ui/base/icon_engine.h"
#include "ui/base/style_sheet.h"
#include "ui/base/system_color_scheme.h"

#include <QApplication>
#include <QFontDatabase>
#include <QPalette>
#include <QStyleFactory>
#include <QToolTip>

#include <algorithm>

namespace fulgurite {
namespace {

QPalette paletteOf(const Theme& theme) {
    QPalette palette;
    auto set = [&palette, &theme](QPalette::ColorRole target, Role role) {
        palette.setColor(target, theme.color(role));
    };
    set(QPalette::Window, Role::Background);
    set(QPalette::WindowText, Role::Text);
    set(QPalette::Base, Role::Panel);
    set(QPalette::AlternateBase, Role::Raised);
    set(QPalette::Text, Role::Text);
    set(QPalette::Button, Role::Raised);
    set(QPalette::ButtonText, Role::Text);
    set(QPalette::BrightText, Role::Bad);
    set(QPalette::ToolTipBase, Role::Raised);
    set(QPalette::ToolTipText, Role::Text);
    set(QPalette::PlaceholderText, Role::Muted);
    set(QPalette::Highlight, Role::Focus);
    set(QPalette::HighlightedText, Role::Background);
    set(QPalette::Link, Role::Focus);
    set(QPalette::LinkVisited, Role::Focus);
    set(QPalette::Light, Role::Raised);
    set(QPalette::Midlight, Role::Raised);
    set(QPalette::Mid, Role::Line);
    set(QPalette::Dark, Role::Line);
    set(QPalette::Shadow, Role::Line);
    for (const auto target : {QPalette::WindowText, QPalette::Text, QPalette::ButtonText})
        palette.setColor(QPalette::Disabled, target, theme.color(Role::Muted));
    return palette;
}

QString firstInstalled(const QStringList& wanted, QFontDatabase::SystemFont otherwise) {
    for (const QString& family : wanted) {
        if (QFontDatabase::hasFamily(family))
            return family;
    }
    return QFontDatabase::systemFont(otherwise).family();
}

} // namespace

ThemeManager::ThemeManager(QObject* parent)
    : QObject(parent),
      dark_(Theme::load(QStringLiteral(":/fulgurite/themes/dark.json"))),
      light_(Theme::load(QStringLiteral(":/fulgurite/themes/light.json"))),
      system_(std::make_unique<SystemColorScheme>()) {
    setFontFamilies({}, {});
    dark_in_force_ = system_->dark();
    connect(system_.get(), &SystemColorScheme::changed, this, [this] { refresh(); });
}

ThemeManager::~ThemeManager() = default;

void ThemeManager::setMode(ThemeMode mode) {
    mode_ = mode;
    refresh();
}

void ThemeManager::refresh() {
    const bool dark = mode_ == ThemeMode::System ? system_->dark() : mode_ == ThemeMode::Dark;
    if (dark == dark_in_force_)
        return;
    dark_in_force_ = dark;
    if (applied_)
        apply();
}

void ThemeManager::setFontScale(double scale) {
    const double wanted = std::clamp(scale, 0.8, 2.0);
    if (qFuzzyCompare(wanted, font_scale_))
        return;
    font_scale_ = wanted;
    if (applied_)
        apply();
}

void ThemeManager::setFontFamilies(const QString& ui_family, const QString& code_family) {
    const QString ui =
        ui_family.isEmpty() ? firstInstalled({QStringLiteral("Inter")}, QFontDatabase::GeneralFont) : ui_family;
    const QString code = code_family.isEmpty()
                             ? firstInstalled({QStringLiteral("JetBrains Mono")}, QFontDatabase::FixedFont)
                             : code_family;
    if (ui == ui_family_ && code == code_family_)
        return;
    ui_family_ = ui;
    code_family_ = code;
    if (applied_)
        apply();
}

QString ThemeManager::uiFamily() const {
    return ui_family_;
}

QString ThemeManager::codeFamily() const {
    return code_family_;
}

QFont ThemeManager::uiFont(double pixels, int weight) const {
    QFont font(ui_family_);
    font.setPixelSize(scaled(pixels));
    font.setWeight(static_cast<QFont::Weight>(weight));
    return font;
}

QFont ThemeManager::codeFont(double pixels, int weight) const {
    QFont font(code_family_);
    font.setPixelSize(scaled(pixels));
    font.setWeight(static_cast<QFont::Weight>(weight));
    font.setFixedPitch(true);
    font.setStyleHint(QFont::Monospace);
    // A ligature would hide a token boundary. JetBrains Mono makes its own with contextual alternates, which only
    // leaving out the shaper turns off; scripts that need one are shaped all the same.
    font.setStyleStrategy(QFont::PreferNoShaping);
    return font;
}

int ThemeManager::scaled(double pixels) const {
    return std::max(1, qRound(pixels * font_scale_));
}

QIcon ThemeManager::icon(const QString& name, Role role) const {
    return QIcon(new IconEngine(*this, name, role));
}

void ThemeManager::apply() {
    if (!applied_)
        QApplication::setStyle(QStyleFactory::create(QStringLiteral("Fusion")));
    applied_ = true;
    // A new sheet in the old one's place styles every widget once for each of its ancestors; with none in between
    // each is styled twice, whatever its depth: a quarter of the time on our pages (Qt 6.4).
    qApp->setStyleSheet(QString());
    QApplication::setPalette(paletteOf(theme()));
    QApplication::setFont(uiFont());
    QToolTip::setFont(uiFont(11.5));
    qApp->setStyleSheet(applicationStyleSheet(*this));
    emit changed();
}

} // namespace fulgurite
