// SPDX-License-Identifier: GPL-3.0-or-later
// What the Cascade page is about: the chosen library, the terms and the chain of encoders with their cuts, the last
// answer, and the selected image. Asks the node; every view draws from here and changes things here.
#pragma once

#include "core/client/cascade_client.h"
#include "ui/base/courier.h"

#include <QElapsedTimer>
#include <QObject>
#include <QStringList>
#include <QTimer>
#include <QUndoStack>

#include <memory>
#include <optional>
#include <vector>

namespace fulgurite {

class EngineLink;

// What a person set up; undo goes from one to the other.
struct CascadeQuestion {
    std::vector<client::CascadeTerm> terms;
    std::vector<client::CascadeStage> stages;
};

class CascadeSearch : public QObject {
    Q_OBJECT

  public:
    explicit CascadeSearch(EngineLink& link, QObject* parent = nullptr);
    ~CascadeSearch() override;

    // Null: no engine, or one that keeps no libraries; why() says which.
    client::CascadeClient* client() const;
    QString why() const;

    const std::vector<client::ImageLibrary>& libraries() const { return libraries_; }
    const client::ImageLibrary* library() const; // the chosen one; null: none
    const std::vector<client::ImageEncoder>& encoders() const { return encoders_; }
    const client::ImageEncoder* encoder(const std::string& id) const;
    void chooseLibrary(std::int64_t id);
    void createLibrary(const QString& name, const QStringList& folders); // and reads it
    void addFolders(const QStringList& folders);                         // to the chosen library
    void removeLibrary();
    void scan(const char* action); // "start", "pause", "resume", "cancel"
    // Asked for when the page first needs it: libraries, encoders.
    void refresh();

    const CascadeQuestion& question() const { return question_; }
    // One step of undo; `what` names it in the menu. Searches again where there is something to search for.
    void change(const QString& what, CascadeQuestion question);
    void setTerms(std::vector<client::CascadeTerm> terms);
    void setKeep(std::size_t stage, std::size_t keep);
    QUndoStack& undo() { return undo_; }

    void search();
    void cancel();
    bool searching() const { return query_call_ != nullptr; }
    // Null: nothing asked yet. Belongs to answered(), not to question().
    const std::shared_ptr<const client::CascadeAnswer>& answer() const { return answer_; }
    const CascadeQuestion& answered() const { return answered_; }
    const std::shared_ptr<const client::CascadeLedger>& ledger() const { return ledger_; }

    std::optional<client::ImageId> selected() const { return selected_; }
    void select(std::optional<client::ImageId> image);

    // Carries `done` to this object's thread, unless it or the engine it was asked of is gone by then.
    template <class T>
    client::Callback<T> onWindow(std::function<void(const client::Outcome<T>&)> done) {
        return [courier = courier_, this, mine = engine_, done = std::move(done)](client::Outcome<T> outcome) {
            courier->post([this, mine, done, outcome = std::move(outcome)] {
                if (mine == engine_)
                    done(outcome);
            });
        };
    }

  signals:
    void availabilityChanged(); // the engine came, went, or cannot
    void librariesChanged();    // the list, or what it says of one
    void libraryChanged();      // another one was chosen
    void encodersChanged();
    void questionChanged();
    void searchStarted();
    void answerChanged();
    void ledgerChanged();
    void selectionChanged(std::optional<client::ImageId> image);
    void failed(const QString& message); // of what was asked last

  private:
    void followEngine();
    void askLibraries(bool only_changes = false);
    void takeLibraries(std::vector<client::ImageLibrary> libraries);
    void askEncoders();
    void askLedger();
    void apply(const CascadeQuestion& question);
    void takeLibrary(const client::Outcome<client::ImageLibrary>& outcome);
    std::vector<client::CascadeStage> usualChain() const;

    EngineLink& link_;
    std::shared_ptr<Courier> courier_;
    quint64 engine_ = 0; // answers of an earlier engine are dropped
    std::vector<client::ImageLibrary> libraries_;
    std::vector<client::ImageEncoder> encoders_;
    std::int64_t library_ = 0;
    CascadeQuestion question_;
    CascadeQuestion answered_;
    QUndoStack undo_;
    std::shared_ptr<client::HttpCall> query_call_;
    quint64 query_ = 0; // the latest
    std::shared_ptr<const client::CascadeAnswer> answer_;
    std::shared_ptr<const client::CascadeLedger> ledger_;
    QElapsedTimer ledger_age_;
    std::optional<client::ImageId> selected_;
    QTimer poll_; // while a library is being read
    friend class QuestionChange;
};

} // namespace fulgurite
