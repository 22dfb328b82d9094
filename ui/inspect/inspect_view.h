// SPDX-License-Identifier: GPL-3.0-or-later
// A panel of the Inspect page: 34 px header, what it shows, and words in its place when there is nothing to show.
//
// The page hands every view the same source, decay map and selection. A view asks the source for what it draws,
// draws the selection, and changes it; it knows no other view. Views are listed in inspect_views.h.
#pragma once

#include "ui/inspect/inspection_source.h"
#include "ui/inspect/selection.h"

#include <QFrame>
#include <QJsonObject>
#include <QPointer>

class QHBoxLayout;
class QLabel;
class QPushButton;
class QStackedWidget;

namespace fulgurite {

class ActionRegistry;
class EngineLink;
class ThemeManager;

struct InspectServices {
    ThemeManager& themes;
    Selection& selection;
    ActionRegistry& actions; // of the page "inspect"
    EngineLink& link;
};

// What stands in a panel's place. Without a button where `action` is empty.
struct InspectMessage {
    QString text;        // what is missing or went wrong, and the remedy
    QString action = {}; // of the button
    QString note = {};   // under the button: what it would cost
    std::function<void()> run = {};
};

class InspectView : public QFrame {
    Q_OBJECT

  public:
    // `id` names it in the saved layout: "decay".
    InspectView(const InspectServices& services, const QString& id, const QString& title);

    const QString& id() const { return id_; }
    QString title() const;
    // Null: nothing is open. The page calls it with null before a source goes.
    void setSource(InspectionSource* source);
    // Of the open capture, the opened config or the loaded model; no layers: none of them.
    void setDecay(const capture::DecayMap& decay);
    // What stands on the button of an empty view, and under it what it would cost or what to do.
    void setCaptureOffer(const QString& action, const QString& note);
    // What a view keeps between starts: its filter, its zoom.
    virtual QJsonObject saveState() const { return {}; }
    virtual void restoreState(const QJsonObject&) {}
    // What is in the panel's place now; empty while it shows its content.
    QString messageText() const;

  signals:
    void captureWanted();

  protected:
    InspectionSource* source() const { return source_; }
    const capture::DecayMap& decay() const { return decay_; }
    Selection& selection() const { return services_.selection; }
    const InspectServices& services() const { return services_; }
    ThemeManager& themes() const { return services_.themes; }

    // Each is called when the value above has changed, and need not do anything while the view is hidden.
    virtual void sourceChanged() {}
    virtual void decayChanged() {}
    virtual void selectionChanged(const InspectState&, const InspectState&) {}

    void setContent(QWidget* content); // once, in the constructor
    void setTitleText(const QString& title);
    // Left of the title (a badge), and right of it in the order of the calls.
    void addTitleWidget(QWidget* widget);
    void addHeaderWidget(QWidget* widget);
    void hideHeader(); // for a panel that says what it is by itself
    void showContent();
    void showMessage(const InspectMessage& message);
    // "Not captured for this answer", with the offer to capture now. `what`: "The routing of the experts".
    void showNotCaptured(const QString& what);
    void showError(const Error& error);

    // Which of several questions of one kind is the latest.
    using Question = quint64;
    // The answer is dropped when a newer one was asked under the same `question`, when the source changed, or when
    // the view is gone; errors are shown in the view's place.
    template <class T>
    InspectionSource::Answer<T> answer(Question& question, std::function<void(const T&)> then) {
        const Question mine = ++question;
        return [self = QPointer<InspectView>(this), &question, mine, asked_of = generation_,
                then = std::move(then)](const client::Outcome<T>& outcome) {
            if (!self || self->generation_ != asked_of || question != mine)
                return;
            if (outcome.ok())
                then(outcome.value());
            else
                self->showError(outcome.error());
        };
    }

  private:
    void offerCapture();

    InspectServices services_;
    QString id_;
    InspectionSource* source_ = nullptr;
    capture::DecayMap decay_;
    quint64 generation_ = 0; // of the source
    QString offer_;          // on the button
    QString offer_note_;
    QString not_captured_; // what showNotCaptured() was called with
    QFrame* bar_;
    QHBoxLayout* header_;
    QLabel* title_;
    QStackedWidget* stack_;
    QLabel* message_;
    QPushButton* button_;
    QLabel* note_;
    std::function<void()> run_;
};

} // namespace fulgurite
