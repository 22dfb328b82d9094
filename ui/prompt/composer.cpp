// SPDX-License-Identifier: GPL-3.0-or-later
#include "ui/prompt/composer.h"

#include "ui/base/format.h"
#include "ui/prompt/attachment_row.h"
#include "ui/prompt/context_meter.h"

#include <QClipboard>
#include <QComboBox>
#include <QDragEnterEvent>
#include <QFileDialog>
#include <QFileInfo>
#include <QGuiApplication>
#include <QHBoxLayout>
#include <QKeyEvent>
#include <QLabel>
#include <QMimeData>
#include <QPainter>
#include <QPlainTextEdit>
#include <QPushButton>
#include <QSignalBlocker>
#include <QStandardItemModel>
#include <QTextBlock>
#include <QUrl>
#include <QVBoxLayout>

#include <algorithm>

namespace fulgurite {
namespace {

// The dot of the model's button: filled when ready, hollow while it starts, and in the colour of trouble.
QIcon statusIcon(const ThemeManager& themes, EngineReadiness readiness) {
    QPixmap picture(20, 20);
    picture.fill(Qt::transparent);
    QPainter painter(&picture);
    painter.setRenderHint(QPainter::Antialiasing);
    const Role role = readiness == EngineReadiness::Ready      ? Role::Good
                      : readiness == EngineReadiness::Starting ? Role::Warn
                                                               : Role::Bad;
    painter.setPen(QPen(themes.color(role), 3));
    painter.setBrush(readiness == EngineReadiness::Ready ? QBrush(themes.color(role)) : QBrush(Qt::NoBrush));
    painter.drawEllipse(QPointF(10, 10), 5.5, 5.5);
    return QIcon(picture);
}

// Local files of a drag or a paste; folders are the window's to open.
QStringList filesOf(const QMimeData& data) {
    QStringList files;
    for (const QUrl& url : data.urls()) {
        if (url.isLocalFile() && QFileInfo(url.toLocalFile()).isFile()) {
            files << url.toLocalFile();
        }
    }
    return files;
}

} // namespace

Composer::Composer(ThemeManager& themes, QWidget* parent)
    : QFrame(parent),
      themes_(themes),
      field_(new QPlainTextEdit(this)),
      files_(new AttachmentRow(themes, this)),
      attach_(new QPushButton(this)),
      target_button_(new QPushButton(this)),
      mode_(new QComboBox(this)),
      tokens_(new QLabel(this)),
      queue_(new QLabel(this)),
      stop_(new QPushButton(tr("Stop"), this)),
      send_(new QPushButton(this)),
      meter_(new ContextMeter(themes, this)) {
    setProperty("surface", "card");
    field_->setProperty("kind", "bare");
    field_->setTabChangesFocus(true);
    field_->setAccessibleName(tr("Message"));
    field_->setVerticalScrollBarPolicy(Qt::ScrollBarAsNeeded);
    field_->installEventFilter(this);
    field_->setAcceptDrops(false); // it would insert the paths of files; dropEvent() takes both
    setAcceptDrops(true);
    attach_->setIcon(themes.icon(QStringLiteral("attach")));
    attach_->setToolTip(tr("Attach text files; they can be dropped here, too (Ctrl+Shift+A)"));
    attach_->setAccessibleName(tr("Attach text files"));
    field_->document()->setDocumentMargin(2);
    target_button_->setAccessibleName(tr("Model"));
    target_button_->setIconSize(QSize(10, 10));
    mode_->addItem(tr("Chat"));
    mode_->addItem(tr("Raw text"));
    mode_->setItemData(0, tr("Your message becomes a turn of the conversation"), Qt::ToolTipRole);
    mode_->setItemData(1, tr("The model goes on from exactly this text, without a chat template"), Qt::ToolTipRole);
    mode_->setAccessibleName(tr("Send as"));
    tokens_->setProperty("tone", "muted");
    queue_->setProperty("tone", "muted");
    stop_->setIcon(themes.icon(QStringLiteral("stop"), Role::Bad));
    stop_->setToolTip(tr("Stop the answer; what came so far stays (Esc)"));
    send_->setProperty("kind", "accent");

    auto* row = new QHBoxLayout;
    row->setContentsMargins(8, 0, 8, 0);
    row->setSpacing(8);
    row->addWidget(target_button_);
    row->addWidget(mode_);
    row->addWidget(attach_);
    row->addWidget(tokens_);
    row->addWidget(queue_);
    row->addStretch(1);
    row->addWidget(stop_);
    row->addWidget(send_);
    auto* column = new QVBoxLayout(this);
    column->setContentsMargins(0, 6, 0, 3);
    column->setSpacing(6);
    auto* field_margin = new QHBoxLayout;
    field_margin->setContentsMargins(8, 0, 4, 0);
    field_margin->addWidget(field_);
    auto* files_margin = new QHBoxLayout;
    files_margin->setContentsMargins(10, 0, 10, 0);
    files_margin->addWidget(files_);
    column->addLayout(files_margin);
    column->addLayout(field_margin);
    column->addLayout(row);
    auto* meter_margin = new QHBoxLayout;
    meter_margin->setContentsMargins(10, 3, 10, 0);
    meter_margin->addWidget(meter_);
    column->addLayout(meter_margin);
    setFocusProxy(field_);

    connect(field_, &QPlainTextEdit::textChanged, this, &Composer::typed);
    connect(files_, &AttachmentRow::changed, this, &Composer::typed);
    connect(files_, &AttachmentRow::failed, this, &Composer::attachFailed);
    connect(attach_, &QPushButton::clicked, this, &Composer::chooseFiles);
    connect(send_, &QPushButton::clicked, this, &Composer::send);
    connect(stop_, &QPushButton::clicked, this, &Composer::stopRequested);
    connect(mode_, &QComboBox::currentIndexChanged, this, [this] {
        refresh();
        emit modeChanged(mode());
    });
    connect(target_button_, &QPushButton::clicked, this,
            [this] { emit targetClicked(target_button_->mapToGlobal(QPoint(0, 0))); });
    connect(&themes_, &ThemeManager::changed, this, [this] {
        fitHeight();
        refresh();
    });
    setQueued(0);
    setDraftTokens(0);
    fitHeight();
    refresh();
}

void Composer::typed() {
    fitHeight();
    refresh();
    emit draftChanged(text());
}

bool Composer::empty() const {
    return field_->document()->isEmpty() && files_->attachments().isEmpty();
}

void Composer::attach(const QStringList& files) {
    files_->attach(files);
}

void Composer::chooseFiles() {
    attach(QFileDialog::getOpenFileNames(this, tr("Attach text files")));
}

void Composer::dragEnterEvent(QDragEnterEvent* event) {
    if (!filesOf(*event->mimeData()).isEmpty() || (event->mimeData()->hasText() && !event->mimeData()->hasUrls())) {
        event->acceptProposedAction();
    }
}

void Composer::dropEvent(QDropEvent* event) {
    if (const QStringList files = filesOf(*event->mimeData()); !files.isEmpty()) {
        attach(files);
    } else {
        field_->insertPlainText(event->mimeData()->text());
    }
    event->acceptProposedAction();
    field_->setFocus();
}

QString Composer::text() const {
    return joinMessage({field_->toPlainText(), files_->attachments()});
}

void Composer::setText(const QString& text) {
    const ComposedMessage message = splitMessage(text);
    files_->setAttachments(message.attachments);
    {
        const QSignalBlocker quiet(field_);
        field_->setPlainText(message.text);
        field_->moveCursor(QTextCursor::End);
    }
    fitHeight();
    refresh();
}

void Composer::focusInput() {
    field_->setFocus();
}

void Composer::setTarget(const ComposerTarget& target) {
    target_ = target;
    refresh();
}

void Composer::setRawObstacle(const QString& why) {
    auto* const items = qobject_cast<QStandardItemModel*>(mode_->model());
    items->item(1)->setEnabled(why.isEmpty());
    items->item(1)->setToolTip(
        why.isEmpty() ? tr("The model goes on from exactly this text, without a chat template") : why);
}

void Composer::setRunning(bool running) {
    running_ = running;
    refresh();
}

void Composer::setStoppable(bool stoppable) {
    stoppable_ = stoppable;
    refresh();
}

void Composer::setQueued(int queued) {
    queue_->setVisible(queued > 0);
    queue_->setText(tr("%1 queued").arg(queued));
}

void Composer::setDraftTokens(std::optional<int> tokens) {
    tokens_->setText(empty()        ? QString()
                     : !tokens      ? QStringLiteral("…")
                     : *tokens == 1 ? tr("1 token")
                                    : tr("%1 tokens").arg(grouped(*tokens)));
}

void Composer::setContext(const ContextState& state) {
    meter_->setState(state);
}

SendMode Composer::mode() const {
    return static_cast<SendMode>(mode_->currentIndex());
}

void Composer::setMode(SendMode mode) {
    const QSignalBlocker quiet(mode_);
    mode_->setCurrentIndex(static_cast<int>(mode));
    refresh();
}

void Composer::setAvailableHeight(int height) {
    available_height_ = height;
    fitHeight();
}

void Composer::refresh() {
    const bool usable =
        target_.readiness == EngineReadiness::Ready || target_.readiness == EngineReadiness::Starting;
    target_button_->setIcon(statusIcon(themes_, target_.readiness));
    const QString model = target_.model.isEmpty() ? tr("No model") : target_.model;
    target_button_->setText(target_.node.isEmpty() ? model : model + QStringLiteral("  ") + target_.node);
    target_button_->setToolTip(target_.explanation);
    target_button_->setAccessibleDescription(target_.explanation);
    stop_->setVisible(running_ || stoppable_);
    send_->setText(target_.readiness == EngineReadiness::Starting ? tr("Send when ready")
                   : running_                                     ? tr("Queue  ↵")
                                                                  : tr("Send  ↵"));
    const bool something = !empty();
    send_->setEnabled(usable && something);
    send_->setToolTip(!usable      ? target_.explanation
                      : !something ? tr("Write something first")
                                   : tr("Enter sends, Shift+Enter begins a new line"));
    field_->setPlaceholderText(
        mode() == SendMode::Chat
            ? (target_.model.isEmpty() ? tr("Write a message") : tr("Ask %1 something").arg(target_.model))
            : tr("Text to go on from, exactly as it stands"));
    field_->setFont(mode() == SendMode::Chat ? themes_.uiFont(13.5) : themes_.codeFont(12.5));
}

// Grows with the text up to 40 % of the page; counting stops there, so that a pasted book costs nothing.
void Composer::fitHeight() {
    const int spacing = QFontMetrics(field_->font()).lineSpacing();
    const int most = std::max(2, (available_height_ * 4 / 10 - 80) / spacing);
    const int per_line =
        std::max(10, (width() - 40) / std::max(1, QFontMetrics(field_->font()).averageCharWidth()));
    int lines = 0;
    for (QTextBlock block = field_->document()->begin(); block.isValid() && lines < most; block = block.next()) {
        lines += 1 + std::max(0, block.length() - 2) / per_line;
    }
    field_->setFixedHeight(std::clamp(lines, 1, most) * spacing + 12);
}

void Composer::resizeEvent(QResizeEvent* event) {
    QFrame::resizeEvent(event);
    fitHeight();
}

void Composer::paintEvent(QPaintEvent* event) {
    QFrame::paintEvent(event);
    QPainter painter(this);
    painter.fillRect(QRect(1, meter_->geometry().top() - 4, width() - 2, 1), themes_.color(Role::Line));
    if (field_->hasFocus()) {
        painter.setRenderHint(QPainter::Antialiasing);
        painter.setPen(QPen(themes_.color(Role::Focus), 1));
        painter.drawRoundedRect(QRectF(rect()).adjusted(0.5, 0.5, -0.5, -0.5), metrics::kCardRadius,
                                metrics::kCardRadius);
    }
}

void Composer::send() {
    if (send_->isEnabled()) {
        emit sendRequested(text(), mode());
    }
}

bool Composer::eventFilter(QObject* watched, QEvent* event) {
    if (watched == field_ && (event->type() == QEvent::FocusIn || event->type() == QEvent::FocusOut)) {
        update();
    }
    if (watched == field_ && event->type() == QEvent::ShortcutOverride) {
        // The field claims both keys even where nothing was typed; then they mean what was done last.
        const auto* key = static_cast<QKeyEvent*>(event);
        const QTextDocument& typed = *field_->document();
        if ((key->matches(QKeySequence::Undo) && !typed.isUndoAvailable()) ||
            (key->matches(QKeySequence::Redo) && !typed.isRedoAvailable())) {
            event->ignore();
            return true;
        }
    }
    if (watched == field_ && event->type() == QEvent::KeyPress) {
        const auto* key = static_cast<QKeyEvent*>(event);
        if (key->matches(QKeySequence::Paste)) { // files that were copied in a file manager
            const QMimeData* copied = QGuiApplication::clipboard()->mimeData();
            const QStringList files = copied ? filesOf(*copied) : QStringList();
            attach(files);
            return !files.isEmpty();
        }
        const bool enter = key->key() == Qt::Key_Return || key->key() == Qt::Key_Enter;
        if (enter && !key->modifiers().testFlag(Qt::ShiftModifier)) {
            send();
            return true;
        }
        if (key->key() == Qt::Key_Escape && (running_ || stoppable_)) {
            emit stopRequested();
            return true;
        }
        if (key->key() == Qt::Key_Up && key->modifiers() == Qt::NoModifier && empty()) {
            emit editLastRequested();
            return true;
        }
    }
    return QFrame::eventFilter(watched, event);
}

} // namespace fulgurite
