// SPDX-License-Identifier: GPL-3.0-or-later
// Controls of the settings page, made from the specs.
#include "ui/settings/setting_row.h"

#include "ui/base/theme_manager.h"

#include <QButtonGroup>
#include <QCheckBox>
#include <QComboBox>
#include <QFileDialog>
#include <QFontDatabase>
#include <QGridLayout>
#include <QLabel>
#include <QLineEdit>
#include <QPushButton>
#include <QSpinBox>
#include <QToolButton>

namespace fulgurite {

SettingRow::SettingRow(ThemeManager& themes, Settings& settings, const SettingSpec& spec, QWidget* parent)
    : QWidget(parent), themes_(themes), settings_(settings), spec_(spec) {
    auto* grid = new QGridLayout(this);
    grid->setContentsMargins(14, 10, 10, 10);
    grid->setHorizontalSpacing(12);
    grid->setVerticalSpacing(2);
    auto* label = new QLabel(spec_.label);
    label->setProperty("tone", "strong");
    auto* help = new QLabel(spec_.help);
    help->setProperty("tone", "small");
    help->setWordWrap(true);
    QWidget* control = makeControl();
    control->setAccessibleDescription(spec_.help);
    label->setBuddy(control->focusProxy() ? control->focusProxy() : control);
    reset_ = new QToolButton;
    reset_->setIcon(themes.icon(QStringLiteral("reset")));
    reset_->setToolTip(QStringLiteral("Back to the default"));
    reset_->setAccessibleName(QStringLiteral("Back to the default: %1").arg(spec_.label));
    reset_->setFocusPolicy(Qt::StrongFocus);
    QSizePolicy keep = reset_->sizePolicy();
    keep.setRetainSizeWhenHidden(true);
    reset_->setSizePolicy(keep);
    connect(reset_, &QToolButton::clicked, this, [this] { settings_.reset(spec_.key); });
    grid->addWidget(label, 0, 0);
    grid->addWidget(help, 1, 0);
    grid->addWidget(control, 0, 1, 2, 1, Qt::AlignRight | Qt::AlignVCenter);
    grid->addWidget(reset_, 0, 2, 2, 1, Qt::AlignVCenter);
    grid->setColumnStretch(0, 1);
    if (spec_.effect != SettingSpec::Effect::AtOnce) {
        const bool engine = spec_.effect == SettingSpec::Effect::EngineRestart;
        effect_ = new QLabel(engine ? QStringLiteral("Takes effect when the engine is restarted.")
                                    : QStringLiteral("Takes effect at the next start."));
        effect_->setProperty("tone", "warn");
        effect_->hide();
        grid->addWidget(effect_, 2, 0);
        if (engine) {
            auto* restart = new QPushButton(QStringLiteral("Restart the engine"));
            connect(restart, &QPushButton::clicked, this, [this] {
                effect_->hide();
                restart_->hide();
                emit engineRestartWanted();
            });
            restart->hide();
            restart_ = restart;
            grid->addWidget(restart, 2, 1, Qt::AlignRight);
        }
    }
    connect(&settings, &Settings::changed, this, [this](const QString& key) {
        if (key != spec_.key)
            return;
        refresh();
        if (effect_)
            effect_->show();
        if (restart_)
            restart_->show();
    });
    refresh();
}

bool SettingRow::matches(const QString& words) const {
    const QString all = QStringList{spec_.section, spec_.label, spec_.help}.join(QLatin1Char(' '));
    for (const QString& word : words.split(QLatin1Char(' '), Qt::SkipEmptyParts)) {
        if (!all.contains(word, Qt::CaseInsensitive))
            return false;
    }
    return true;
}

void SettingRow::refresh() {
    show_value_(settings_.value(spec_.key));
    reset_->setVisible(!settings_.isDefault(spec_.key));
}

QWidget* SettingRow::makeControl() {
    using Kind = SettingSpec::Kind;
    switch (spec_.kind) {
    case Kind::Choice:
        return makeChoice();
    case Kind::Number:
        return makeNumber();
    case Kind::Font:
        return makeFont();
    case Kind::Folder:
        return makeFolder();
    case Kind::Switch: {
        auto* box = new QCheckBox(QStringLiteral("On"));
        box->setAccessibleName(spec_.label);
        connect(box, &QCheckBox::toggled, this, [this](bool on) { settings_.set(spec_.key, on); });
        show_value_ = [box](const QVariant& value) { box->setChecked(value.toBool()); };
        return box;
    }
    case Kind::Text:
        break;
    }
    auto* field = new QLineEdit;
    field->setAccessibleName(spec_.label);
    connect(field, &QLineEdit::editingFinished, this, [this, field] { settings_.set(spec_.key, field->text()); });
    show_value_ = [field](const QVariant& value) { field->setText(value.toString()); };
    return field;
}

QWidget* SettingRow::makeChoice() {
    auto* row = new QWidget;
    auto* layout = new QHBoxLayout(row);
    layout->setContentsMargins(0, 0, 0, 0);
    layout->setSpacing(0);
    auto* group = new QButtonGroup(row);
    QList<QPushButton*> buttons;
    for (qsizetype i = 0; i + 1 < spec_.choices.size(); i += 2) {
        auto* button = new QPushButton(spec_.choices[i + 1]);
        button->setCheckable(true);
        button->setProperty("kind", "segment");
        button->setProperty("segment", i == 0 ? "first" : i + 2 == spec_.choices.size() ? "last" : "middle");
        button->setAccessibleName(QStringLiteral("%1: %2").arg(spec_.label, spec_.choices[i + 1]));
        connect(button, &QPushButton::clicked, this,
                [this, value = spec_.choices[i]] { settings_.set(spec_.key, value); });
        group->addButton(button);
        layout->addWidget(button);
        buttons << button;
    }
    row->setFocusProxy(buttons.first());
    show_value_ = [buttons, choices = spec_.choices](const QVariant& value) {
        for (qsizetype i = 0; i < buttons.size(); ++i) {
            if (choices[2 * i] == value.toString())
                buttons[i]->setChecked(true);
        }
    };
    return row;
}

QWidget* SettingRow::makeNumber() {
    auto* box = new QSpinBox;
    box->setAccessibleName(spec_.label);
    box->setRange(spec_.least, spec_.most);
    box->setSuffix(spec_.unit);
    box->setKeyboardTracking(false);
    box->setMinimumWidth(120);
    if (spec_.fallback.toInt() == 0)
        box->setSpecialValueText(QStringLiteral("automatic"));
    connect(box, &QSpinBox::valueChanged, this, [this](int value) { settings_.set(spec_.key, value); });
    show_value_ = [box](const QVariant& value) { box->setValue(value.toInt()); };
    return box;
}

QWidget* SettingRow::makeFont() {
    auto* box = new QComboBox;
    box->setAccessibleName(spec_.label);
    box->setMinimumWidth(220);
    box->addItem(QStringLiteral("Automatic"), QString());
    const bool fixed_only = spec_.key == keys::kCodeFont;
    for (const QString& family : QFontDatabase::families()) {
        if (!QFontDatabase::isPrivateFamily(family) && (!fixed_only || QFontDatabase::isFixedPitch(family)))
            box->addItem(family, family);
    }
    connect(box, &QComboBox::activated, this,
            [this, box](int index) { settings_.set(spec_.key, box->itemData(index).toString()); });
    show_value_ = [box](const QVariant& value) { box->setCurrentIndex(std::max(0, box->findData(value))); };
    return box;
}

QWidget* SettingRow::makeFolder() {
    auto* row = new QWidget;
    auto* layout = new QHBoxLayout(row);
    layout->setContentsMargins(0, 0, 0, 0);
    auto* field = new QLineEdit;
    field->setAccessibleName(spec_.label);
    field->setMinimumWidth(280);
    field->setPlaceholderText(QStringLiteral("automatic"));
    auto* choose = new QPushButton(QStringLiteral("Choose..."));
    choose->setAccessibleName(QStringLiteral("Choose: %1").arg(spec_.label));
    layout->addWidget(field, 1);
    layout->addWidget(choose);
    row->setFocusProxy(field);
    connect(field, &QLineEdit::editingFinished, this, [this, field] { settings_.set(spec_.key, field->text()); });
    connect(choose, &QPushButton::clicked, this, [this] {
        const QString folder =
            QFileDialog::getExistingDirectory(this, spec_.label, settings_.value(spec_.key).toString());
        if (!folder.isEmpty())
            settings_.set(spec_.key, folder);
    });
    show_value_ = [field](const QVariant& value) { field->setText(value.toString()); };
    return row;
}

} // namespace fulgurite
