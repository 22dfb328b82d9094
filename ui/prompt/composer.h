// SPDX-License-Identifier: GPL-3.0-or-later
// Where the person writes: a field that grows, the files that go with the message, what it would be sent to and as
// what, its length in tokens, Send apart from Stop, and the context's meter.
#pragma once

#include "ui/base/theme_manager.h"
#include "ui/prompt/transcript_types.h"

#include <QFrame>

class QComboBox;
class QLabel;
class QPlainTextEdit;
class QPushButton;

namespace fulgurite {

class AttachmentRow;
class ContextMeter;

class Composer : public QFrame {
    Q_OBJECT

  public:
    explicit Composer(ThemeManager& themes, QWidget* parent = nullptr);

    // The whole message, attached files in it (attachments.h).
    QString text() const;
    void setText(const QString& text); // does not count as typing: draftChanged() is not emitted
    void attach(const QStringList& files);
    void chooseFiles(); // asks which
    void clear() { setText({}); }
    void focusInput();
    void setTarget(const ComposerTarget& target);
    void setRunning(bool running);     // an answer runs: sending queues, Stop shows
    void setStoppable(bool stoppable); // there is something to stop although nothing runs here
    void setQueued(int queued);
    void setDraftTokens(std::optional<int> tokens); // unset: being counted
    void setContext(const ContextState& state);
    SendMode mode() const;
    void setMode(SendMode mode);
    // Why raw text cannot be sent; empty: it can.
    void setRawObstacle(const QString& why);
    // 40 % of this many pixels is the most that it grows to; the page passes its own height.
    void setAvailableHeight(int height);

  signals:
    void sendRequested(const QString& text, fulgurite::SendMode mode);
    void stopRequested();
    void draftChanged(const QString& text);
    void modeChanged(fulgurite::SendMode mode);
    void targetClicked(const QPoint& global); // open the menu of models there
    void editLastRequested();                 // Up in an empty field
    void attachFailed(const QString& message);

  protected:
    bool eventFilter(QObject* watched, QEvent* event) override;
    void resizeEvent(QResizeEvent* event) override;
    void paintEvent(QPaintEvent* event) override;
    void dragEnterEvent(QDragEnterEvent* event) override;
    void dropEvent(QDropEvent* event) override;

  private:
    void send();
    void typed();
    bool empty() const;
    void refresh();
    void fitHeight();

    ThemeManager& themes_;
    QPlainTextEdit* field_;
    AttachmentRow* files_;
    QPushButton* attach_;
    QPushButton* target_button_;
    QComboBox* mode_;
    QLabel* tokens_;
    QLabel* queue_;
    QPushButton* stop_;
    QPushButton* send_;
    ContextMeter* meter_;
    ComposerTarget target_;
    bool running_ = false;
    bool stoppable_ = false;
    int available_height_ = 700;
};

} // namespace fulgurite
