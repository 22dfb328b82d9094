// SPDX-License-Identifier: GPL-3.0-or-later
// Layout of the first view: the content at the foot, the picture behind and beside it.
#include "ui/start/start_view.h"

#include "ui/base/background.h"
#include "ui/base/theme_manager.h"
#include "ui/engine/local_engine.h"
#include "ui/shell/action_registry.h"
#include "ui/start/action_row.h"
#include "ui/start/model_panel.h"
#include "ui/start/sample_card.h"
#include "ui/start/start_picture.h"

#include <QDir>
#include <QHBoxLayout>
#include <QLabel>
#include <QPainter>
#include <QVBoxLayout>

#include <algorithm>
#include <utility>

namespace fulgurite {
namespace {

constexpr int kContentWidth = 858;
constexpr int kPictureWidth = 262; // the tube beside the content
constexpr int kMargin = 24;
constexpr int kRoomForBeginnings = 520; // beside the model's panel
constexpr int kFoot = 12;               // between the content and the composer

} // namespace

StartView::StartView(const ShellContext& context, QWidget* parent) : QWidget(parent), context_(context) {
    setAccessibleName(QStringLiteral("Start"));
    content_ = new QWidget(this);
    auto* column = new QVBoxLayout(content_);
    column->setContentsMargins(0, 0, 0, 0);
    column->setSpacing(12);
    title_ = new QLabel(QStringLiteral("Fulgurite"));
    auto* subtitle =
        new QLabel(QStringLiteral("Prompt a hybrid lightning-attention model and watch how it gets to each word."));
    subtitle->setProperty("tone", "muted");
    subtitle->setWordWrap(true);
    column->addWidget(title_);
    column->addWidget(subtitle);
    column->addSpacing(4);
    column->addWidget(makeSamples());
    lower_ = new QWidget;
    auto* row = new QHBoxLayout(lower_);
    row->setContentsMargins(0, 0, 0, 0);
    row->setSpacing(11);
    beginnings_ = makeBeginnings();
    model_ = new ModelPanel(context_.themes);
    row->addWidget(beginnings_, 3);
    row->addWidget(model_, 5);
    column->addWidget(lower_);
    auto restyle = [this] {
        title_->setFont(context_.themes.uiFont(28, QFont::Bold));
        picture_ = {};
        place();
        updateModel();
    };
    connect(&context_.themes, &ThemeManager::changed, this, restyle);
    connect(&context_.engine, &LocalEngine::stateChanged, this, [this] {
        if (model_folder_ != context_.engine.modelFolder())
            updateModel();
    });
    restyle();
}

QWidget* StartView::makeSamples() {
    auto* row = new QWidget;
    auto* layout = new QHBoxLayout(row);
    layout->setContentsMargins(0, 0, 0, 0);
    layout->setSpacing(10);
    int number = 0;
    for (const SamplePrompt& sample : loadSamplePrompts()) {
        ++number;
        auto* card = new SampleCard(context_.themes, sample, number);
        connect(card, &QAbstractButton::clicked, this, [this, sample] { emit samplePicked(sample); });
        layout->addWidget(card, 1);
        sample_actions_ << QStringLiteral("start.sample.%1").arg(sample.id);
        context_.actions.add({.id = sample_actions_.last(),
                              .title = QStringLiteral("Sample: %1").arg(sample.title),
                              .category = QStringLiteral("Prompt"),
                              .icon = QStringLiteral("prompt"),
                              .shortcut = QKeySequence(QStringLiteral("Alt+%1").arg(number)),
                              .page = QStringLiteral("prompt"),
                              .keywords = sample.category},
                             this, [this, sample] { emit samplePicked(sample); });
    }
    return row;
}

void StartView::setOffered(bool offered) {
    if (offered == std::exchange(offered_, offered)) {
        return;
    }
    for (const QString& id : sample_actions_) {
        context_.actions.setEnabled(
            id, offered, QStringLiteral("This conversation has begun; samples are for a new one (Ctrl+N)"));
    }
}

QWidget* StartView::makeBeginnings() {
    auto* card = new QFrame;
    card->setProperty("surface", "card");
    auto* column = new QVBoxLayout(card);
    column->setContentsMargins(4, 4, 4, 4);
    column->setSpacing(2);
    // Now those of the window; those of the page come once it has registered them.
    auto fill = [this, column] {
        while (QLayoutItem* item = column->takeAt(0)) {
            delete item->widget();
            delete item;
        }
        addBeginning(column, QStringLiteral("engine.open_checkpoint"),
                     QStringLiteral("Hugging Face folder, any dtype"));
        addBeginning(column, QStringLiteral("prompt.import"), QStringLiteral("Markdown or JSON, as exported"));
        addBeginning(column, QStringLiteral("view.palette"), QStringLiteral("all that can be done"));
    };
    connect(&context_.actions, &ActionRegistry::listChanged, card, [this, fill] {
        fill();
        place();
    });
    fill();
    return card;
}

// Only actions that exist are offered.
void StartView::addBeginning(QVBoxLayout* column, const QString& action, const QString& note) {
    QAction* found = context_.actions.action(action);
    if (!found)
        return;
    auto* row = new ActionRow(context_.themes, found, context_.actions.spec(action).icon, note);
    connect(row, &QAbstractButton::clicked, this, [this, action] { context_.actions.run(action); });
    column->addWidget(row);
}

bool StartView::pictureShown() const {
    return width() >= 640 && sand_y_ >= 140;
}

void StartView::place() {
    const bool beside = width() >= kContentWidth + kPictureWidth - 60;
    const int left = beside ? kPictureWidth : kMargin;
    const int room = width() - left - kMargin;
    const int content_width = std::min(kContentWidth, room);
    auto needed = [this, content_width] {
        content_->layout()->activate();
        const int for_width = content_->heightForWidth(content_width);
        return for_width > 0 ? for_width : content_->sizeHint().height();
    };
    beginnings_->setVisible(content_width >= kRoomForBeginnings);
    // Where all of it does not fit, the samples stay: they are what a person came for.
    lower_->show();
    if (needed() > height() - 2 * kFoot)
        lower_->hide();
    const int content_height = std::min(needed(), height() - 2 * kFoot);
    const int x = beside ? left : left + (room - content_width) / 2;
    content_->setGeometry(x, height() - kFoot - content_height, content_width, content_height);
    // The surface lies a little above the name, where the sky ends. In a narrow view the bolt comes down at the
    // right, clear of the words.
    const double sand = std::max(60.0, content_->y() - 22.0);
    const double mouth = beside ? 136 : width() - 130.0;
    if (sand != sand_y_ || mouth != mouth_x_ || picture_.deviceIndependentSize().toSize() != size()) {
        sand_y_ = sand;
        mouth_x_ = mouth;
        picture_ = {};
    }
    update();
}

void StartView::resizeEvent(QResizeEvent* event) {
    QWidget::resizeEvent(event);
    place();
}

void StartView::showEvent(QShowEvent* event) {
    QWidget::showEvent(event);
    place();
}

void StartView::updateModel() {
    const QString folder = context_.engine.modelFolder();
    if (folder != model_folder_)
        model_->hide();
    model_folder_ = folder;
    // Hundreds of files, perhaps on another machine's disk.
    inBackground(
        this, [folder] { return readModelFacts(folder); },
        [this, folder](const ModelFacts& facts) {
            if (folder != model_folder_)
                return; // another was opened meanwhile
            model_->setVisible(facts.valid());
            if (facts.valid())
                model_->show(facts, QDir(folder) == QDir(LocalEngine::includedModel()));
            place();
        });
}

void StartView::paintEvent(QPaintEvent*) {
    QPainter painter(this);
    if (!pictureShown()) {
        painter.fillRect(rect(), context_.themes.color(Role::Background));
        return;
    }
    if (picture_.isNull())
        picture_ = paintStartPicture(context_.themes.theme(), size(), {.mouth_x = mouth_x_, .sand_y = sand_y_},
                                     devicePixelRatioF());
    painter.drawPixmap(0, 0, picture_);
}

} // namespace fulgurite
