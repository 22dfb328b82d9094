// SPDX-License-Identifier: GPL-3.0-or-later
// The status bar.
#include "ui/shell/status_strip.h"

#include "ui/base/theme_manager.h"
#include "ui/engine/local_engine.h"
#include "ui/shell/action_registry.h"
#include "ui/shell/status_model.h"

#include <QHBoxLayout>
#include <QLabel>
#include <QMenu>
#include <QPainter>
#include <QPushButton>

namespace fulgurite {
namespace {

struct FieldName {
    StatusField field;
    const char* name;
    bool right;
};

constexpr FieldName kFields[] = {
    {StatusField::Model, "Model", false},   {StatusField::Device, "Device", false},
    {StatusField::Memory, "Memory", false}, {StatusField::Prefill, "Prefill", false},
    {StatusField::Decode, "Decode", false}, {StatusField::Queue, "Queue", true},
    {StatusField::Saved, "Saved", true},
};

QString engineText(const LocalEngine& engine) {
    switch (engine.state()) {
    case EngineState::Off:
        return QStringLiteral("Engine off");
    case EngineState::Starting:
        return QStringLiteral("Engine starting");
    case EngineState::Loading:
        return engine.message().isEmpty() ? QStringLiteral("Engine loading the model")
                                          : QStringLiteral("Engine loading, %1").arg(engine.message());
    case EngineState::Ready:
        return QStringLiteral("Engine ready, %1 s").arg(engine.secondsToReady(), 0, 'f', 2);
    case EngineState::Failed:
        return QStringLiteral("Engine failed");
    case EngineState::Lost:
        return QStringLiteral("Engine stopped");
    }
    return {};
}

} // namespace

StatusStrip::StatusStrip(ThemeManager& themes, StatusModel& status, LocalEngine& engine, ActionRegistry& actions,
                         QWidget* parent)
    : QFrame(parent), themes_(themes), status_(status), engine_(engine) {
    setObjectName(QStringLiteral("statusBar"));
    setAccessibleName(QStringLiteral("Status"));
    auto* row = new QHBoxLayout(this);
    row->setContentsMargins(6, 0, 10, 0);
    row->setSpacing(16);
    engine_button_ = new QPushButton;
    engine_button_->setIconSize({8, 8});
    engine_button_->setAccessibleDescription(QStringLiteral("Opens the engine's menu"));
    auto* menu = new QMenu(engine_button_);
    menu->setAccessibleName(QStringLiteral("Engine"));
    connect(menu, &QMenu::aboutToShow, menu, [menu, &actions] {
        menu->clear();
        for (const QString& id : actions.ids()) {
            if (actions.spec(id).category == QStringLiteral("Engine"))
                menu->addAction(actions.action(id));
        }
    });
    connect(engine_button_, &QPushButton::clicked, this,
            [this, menu] { menu->popup(engine_button_->mapToGlobal(QPoint(0, -menu->sizeHint().height() - 4))); });
    row->addWidget(engine_button_);
    for (const bool right : {false, true}) {
        if (right)
            row->addStretch(1);
        for (const FieldName& field : kFields) {
            if (field.right != right)
                continue;
            auto* label = new QLabel;
            label->setTextFormat(Qt::RichText);
            label->setMinimumWidth(1); // a narrow window cuts the bar instead of growing
            row->addWidget(label);
            labels_[static_cast<int>(field.field)] = label;
        }
    }
    help_ = new QPushButton(QStringLiteral("F1 help"));
    connect(help_, &QPushButton::clicked, this, [&actions] { actions.run(QStringLiteral("help.manual")); });
    row->addWidget(help_);

    connect(&status, &StatusModel::changed, this, &StatusStrip::updateValues);
    connect(&engine, &LocalEngine::stateChanged, this, &StatusStrip::updateEngine);
    connect(&themes, &ThemeManager::changed, this, [this] {
        setFixedHeight(std::max(metrics::kStatusBar, themes_.scaled(metrics::kStatusBar)));
        updateEngine();
        updateValues();
    });
    setFixedHeight(std::max(metrics::kStatusBar, themes.scaled(metrics::kStatusBar)));
    updateEngine();
    updateValues();
}

QPixmap StatusStrip::stateDot() const {
    const double ratio = devicePixelRatioF();
    QPixmap picture(QSize(8, 8) * ratio);
    picture.setDevicePixelRatio(ratio);
    picture.fill(Qt::transparent);
    QPainter painter(&picture);
    painter.setRenderHint(QPainter::Antialiasing);
    const EngineState state = engine_.state();
    const bool bad = state == EngineState::Failed || state == EngineState::Lost;
    const QColor color = themes_.color(state == EngineState::Ready ? Role::Good : bad ? Role::Bad : Role::Muted);
    painter.setPen(QPen(color, 1.4));
    // Hollow until it is ready; a failure is a cross: shape as well as colour.
    if (bad) {
        painter.drawLine(QPointF(1.5, 1.5), QPointF(6.5, 6.5));
        painter.drawLine(QPointF(6.5, 1.5), QPointF(1.5, 6.5));
    } else {
        painter.setBrush(state == EngineState::Ready ? QBrush(color) : Qt::NoBrush);
        painter.drawEllipse(QPointF(4, 4), 3, 3);
    }
    return picture;
}

void StatusStrip::updateEngine() {
    const QString text = engineText(engine_);
    engine_button_->setText(QLatin1Char(' ') + text);
    engine_button_->setIcon(stateDot());
    engine_button_->setAccessibleName(text);
    engine_button_->setToolTip(engine_.message().isEmpty() ? text : engine_.message());
}

void StatusStrip::updateValues() {
    const QString ink = themes_.color(Role::Text).name();
    for (const FieldName& field : kFields) {
        const StatusModel::Value& value = status_.value(field.field);
        QLabel* label = labels_[static_cast<int>(field.field)];
        const QString name = QString::fromLatin1(field.name);
        label->setText(QStringLiteral("%1 <b style=\"color:%2; font-weight:600\">%3</b> %4")
                           .arg(name, ink, value.strong.toHtmlEscaped(), value.rest.toHtmlEscaped()));
        label->setAccessibleName(QStringLiteral("%1: %2 %3").arg(name, value.strong, value.rest));
        label->setToolTip(QStringLiteral("%1: %2 %3").arg(name, value.strong, value.rest));
    }
    fitLabels();
}

// Where the row is too short, whole fields go, the least urgent first: a cut figure could be misread.
void StatusStrip::fitLabels() {
    constexpr StatusField urgency[] = {StatusField::Queue,  StatusField::Model, StatusField::Memory,
                                       StatusField::Decode, StatusField::Saved, StatusField::Prefill,
                                       StatusField::Device};
    int room = width() - engine_button_->sizeHint().width() - help_->sizeHint().width() - 3 * layout()->spacing();
    for (const StatusField field : urgency) {
        QLabel* label = labels_[static_cast<int>(field)];
        const int needed = label->sizeHint().width() + layout()->spacing();
        const bool shown = !status_.value(field).strong.isEmpty() && needed <= room;
        room -= shown ? needed : 0;
        label->setVisible(shown);
    }
}

void StatusStrip::resizeEvent(QResizeEvent* event) {
    QFrame::resizeEvent(event);
    fitLabels();
}

} // namespace fulgurite
