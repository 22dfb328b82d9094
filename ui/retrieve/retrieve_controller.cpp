// SPDX-License-Identifier: GPL-3.0-or-later
#include "ui/retrieve/retrieve_controller.h"

#include "core/client/engine_client.h"

#include <algorithm>

namespace fulgurite {
namespace {

constexpr int kWatchMilliseconds = 700; // while something is at work
constexpr int kIdleMilliseconds = 5000;
constexpr std::size_t kPage = 20'000;
constexpr std::size_t kPrompts = 4; // as many as the published program asks for

std::vector<std::string> toUtf8(const QStringList& texts) {
    std::vector<std::string> result;
    for (const QString& text : texts) {
        result.push_back(text.toStdString());
    }
    return result;
}

} // namespace

RetrieveController::RetrieveController(RetrieveSession& session, QObject* parent)
    : QObject(parent), session_(session), courier_(std::make_shared<Courier>(this)) {
    connect(&timer_, &QTimer::timeout, this, &RetrieveController::refresh);
}

RetrieveController::~RetrieveController() {
    courier_->close();
}

client::RetrievalClient* RetrieveController::client() const {
    return engine_ ? engine_->retrieval() : nullptr;
}

// Answers come to the window's thread; those of an engine that is gone are dropped, errors are told.
template <class T>
client::Callback<T> RetrieveController::carry(std::function<void(const T&)> then) {
    return [courier = courier_, this, mine = generation_, then = std::move(then)](client::Outcome<T> outcome) {
        auto kept = std::make_shared<client::Outcome<T>>(std::move(outcome));
        courier->post([this, mine, then, kept] {
            if (mine != generation_) {
                return;
            }
            kept->ok() ? then(kept->value()) : report(kept->error());
        });
    };
}

void RetrieveController::report(const Error& error) {
    if (error.kind() != ErrorKind::Cancelled) {
        emit failed(QString::fromUtf8(error.what()));
    }
}

void RetrieveController::setEngine(std::shared_ptr<client::EngineClient> engine, const QString& obstacle) {
    if (engine == engine_ && obstacle == obstacle_) {
        return;
    }
    ++generation_;
    ++opened_;
    ++asked_;
    engine_ = std::move(engine);
    obstacle_ = obstacle;
    search_call_.reset();
    if (std::exchange(searching_, false)) {
        emit searchEnded(tr("The engine went away. Search again when it is back."));
    }
    timer_.stop();
    watched_.clear();
    if (client() == nullptr) {
        emit collectionsChanged(); // what was there stays in sight, with the obstacle
        return;
    }
    revision_ = 0;
    refresh();
}

void RetrieveController::refresh() {
    if (client() == nullptr) {
        return;
    }
    client()->collections(
        carry<std::vector<client::Collection>>([this](const auto& collections) { takeCollections(collections); }));
}

void RetrieveController::takeCollections(const std::vector<client::Collection>& collections) {
    collections_ = collections;
    const bool lives = std::any_of(collections_.begin(), collections_.end(),
                                   [](const auto& each) { return each.job && each.job->live(); });
    timer_.start(lives ? kWatchMilliseconds : kIdleMilliseconds);
    if (collection() == nullptr) {
        chosen_ = collections_.empty() ? QString() : QString::fromStdString(collections_.front().id);
        revision_ = 0;
    }
    emit collectionsChanged();
    tellEndedWork();
    const client::Collection* now = collection();
    const bool job = now != nullptr && now->job && now->job->live();
    // While it is being filled its revision changes all the time: the lists follow at the end.
    if (now != nullptr && now->revision != revision_ && (!job || revision_ == 0)) {
        openCollection();
    } else if (std::exchange(job_lived_, job) && !job) {
        readEvaluations();
    }
    job_lived_ = job;
}

void RetrieveController::tellEndedWork() {
    for (const client::Collection& each : collections_) {
        if (each.job && !each.job->live() && watched_.erase(each.job->id) > 0) {
            emit workEnded(QString::fromStdString(each.name), *each.job);
        }
    }
}

const client::Collection* RetrieveController::collection() const {
    const std::string wanted = chosen_.toStdString();
    const auto found = std::find_if(collections_.begin(), collections_.end(),
                                    [&wanted](const client::Collection& each) { return each.id == wanted; });
    return found == collections_.end() ? nullptr : &*found;
}

void RetrieveController::choose(const QString& id) {
    if (id == chosen_) {
        return;
    }
    chosen_ = id;
    revision_ = 0;
    query_set_.clear();
    if (collection() != nullptr) {
        openCollection();
    }
    emit collectionsChanged();
}

void RetrieveController::openCollection() {
    const client::Collection& now = *collection();
    ++opened_;
    ++asked_;
    revision_ = now.revision;
    searching_ = false;
    session_.setReply(nullptr, session_.count());
    session_.setRelevant({});
    session_.setBrush({});
    session_.setHead(-1);
    const bool held = std::find(now.stored.begin(), now.stored.end(), place_) != now.stored.end();
    if (!held) {
        place_ = now.stored.empty() ? client::HeadPlace{} : now.stored.front();
    }
    if (session_.heads().size() != now.embedder.heads) {
        session_.heads().reset(now.embedder.heads);
    }
    statistics_.reset();
    queries_.clear();
    evaluations_.clear();
    const bool has_set = std::any_of(now.query_sets.begin(), now.query_sets.end(),
                                     [this](const auto& set) { return set.id == query_set_.toStdString(); });
    if (!has_set) {
        query_set_ = now.query_sets.empty() ? QString() : QString::fromStdString(now.query_sets.front().id);
    }
    session_.documents().reset(now.documents);
    emit collectionChosen();
    emit statisticsChanged();
    emit queriesChanged();
    emit evaluationsChanged();
    if (client() != nullptr && now.problem.empty() && now.documents > 0) {
        readTexts();
        readStatistics();
        project(-1);
        readQueries();
        readEvaluations();
    }
}

// One page after another, so that what is asked meanwhile is answered between them.
void RetrieveController::readTexts() {
    const std::size_t first = session_.documents().texts()->size();
    client()->documents(chosen_.toStdString(), first, kPage,
                        carry<client::DocumentColumns>([this, mine = opened_](const client::DocumentColumns& page) {
                            if (mine != opened_ || page.titles.empty()) {
                                return;
                            }
                            connect(
                                &session_.documents(), &DocumentStore::changed, this,
                                [this, mine] {
                                    if (mine == opened_ && !session_.documents().complete() &&
                                        client() != nullptr) {
                                        readTexts();
                                    }
                                },
                                Qt::SingleShotConnection);
                            session_.documents().append(std::make_shared<client::DocumentColumns>(page));
                        }));
}

void RetrieveController::readStatistics() {
    client()->heads(chosen_.toStdString(), place_,
                    carry<client::HeadStatistics>([this, mine = opened_, place = place_](const auto& statistics) {
                        if (mine == opened_ && place == place_) {
                            statistics_ = std::make_shared<client::HeadStatistics>(statistics);
                            if (session_.head() < 0 && !statistics.scores.empty()) {
                                session_.setHead(static_cast<int>(
                                    std::max_element(statistics.scores.begin(), statistics.scores.end()) -
                                    statistics.scores.begin()));
                            }
                            emit statisticsChanged();
                        }
                    }));
}

void RetrieveController::setPlace(const client::HeadPlace& place) {
    if (place == place_) {
        return;
    }
    place_ = place;
    session_.heads().reset(session_.heads().size());
    statistics_.reset();
    emit placeChanged();
    emit statisticsChanged();
    if (client() != nullptr && collection() != nullptr) {
        readStatistics();
        if (session_.head() >= 0) {
            project(session_.head());
        }
        if (session_.reply() != nullptr) {
            search(last_);
        }
    }
}

void RetrieveController::search(const Query& query) {
    if (client() == nullptr || collection() == nullptr || query.text.isEmpty()) {
        return;
    }
    last_ = query;
    client::SearchRequest request;
    request.query = query.text.toStdString();
    request.heads = place_;
    request.count = static_cast<std::size_t>(query.count);
    request.nearest = static_cast<std::size_t>(query.nearest);
    request.strategies = toUtf8(engineStrategies(session_.strategies()));
    request.prompts = toUtf8(query.prompts);
    const quint64 mine = ++asked_;
    searching_ = true;
    emit searchStarted();
    if (search_call_) {
        search_call_->cancel();
    }
    search_call_ = client()->search(
        chosen_.toStdString(), request,
        [courier = courier_, this, mine, count = query.count](client::Outcome<client::SearchReply> outcome) {
            auto kept = std::make_shared<client::Outcome<client::SearchReply>>(std::move(outcome));
            courier->post([this, mine, count, kept] {
                if (mine != asked_) {
                    return;
                }
                searching_ = false;
                if (!kept->ok()) {
                    emit searchEnded(QString::fromUtf8(kept->error().what()));
                    return;
                }
                session_.setReply(std::make_shared<client::SearchReply>(std::move(kept->value())), count);
                emit searchEnded({});
                project(-1);
                if (session_.head() >= 0) {
                    project(session_.head());
                }
            });
        });
}

void RetrieveController::project(int head) {
    if (client() == nullptr || collection() == nullptr) {
        return;
    }
    const std::string query = session_.reply() != nullptr ? last_.text.toStdString() : std::string();
    client()->project(chosen_.toStdString(), place_, {head}, query,
                      carry<std::vector<client::Projection>>([this, mine = opened_, head](const auto& spaces) {
                          const bool wanted = head < 0 || head == session_.head();
                          if (mine == opened_ && wanted && !spaces.empty()) {
                              emit projected(std::make_shared<client::Projection>(spaces.front()));
                          }
                      }));
}

void RetrieveController::readDocument(std::int32_t document) {
    if (client() == nullptr || collection() == nullptr) {
        return;
    }
    client()->document(chosen_.toStdString(), document,
                       carry<client::Document>([this, mine = opened_, document](const client::Document& text) {
                           if (mine == opened_) {
                               emit documentRead(document, text);
                           }
                       }));
}

void RetrieveController::create(const client::NewCollection& wanted, const QStringList& paths) {
    if (client() == nullptr) {
        return;
    }
    client()->create(wanted, carry<client::Collection>([this, paths](const client::Collection& made) {
                         chosen_ = QString::fromStdString(made.id);
                         revision_ = 0;
                         query_set_.clear();
                         if (paths.isEmpty()) {
                             refresh();
                         } else {
                             ingest(chosen_, paths);
                         }
                     }));
}

void RetrieveController::ingest(const QString& id, const QStringList& paths) {
    if (client() == nullptr) {
        return;
    }
    client()->ingest(id.toStdString(), toUtf8(paths),
                     carry<client::RetrievalJob>([this](const client::RetrievalJob& job) {
                         watched_.insert(job.id);
                         refresh();
                     }));
}

void RetrieveController::steer(const QString& id, client::JobAction action) {
    if (client() != nullptr) {
        client()->steer(id.toStdString(), action,
                        carry<client::RetrievalJob>([this](const client::RetrievalJob&) { refresh(); }));
    }
}

void RetrieveController::remove(const QString& id) {
    if (client() != nullptr) {
        client()->remove(id.toStdString(), carry<std::string>([this](const std::string&) { refresh(); }));
    }
}

void RetrieveController::askEmbedders() {
    if (client() != nullptr) {
        client()->embedders(carry<std::vector<client::EmbedderInfo>>(
            [this](const std::vector<client::EmbedderInfo>& embedders) { emit embeddersKnown(embedders); }));
    }
}

void RetrieveController::askEmbedder(const QString& folder) {
    if (client() != nullptr) {
        client()->describeEmbedder(folder.toStdString(),
                                   carry<client::EmbedderInfo>([this](const client::EmbedderInfo& embedder) {
                                       emit embedderKnown(embedder);
                                   }));
    }
}

void RetrieveController::writePrompts(const QString& query) {
    if (client() == nullptr) {
        return;
    }
    client()->searchPrompts(
        query.toStdString(), kPrompts,
        [courier = courier_, this, mine = generation_](client::Outcome<std::vector<std::string>> outcome) {
            auto kept = std::make_shared<client::Outcome<std::vector<std::string>>>(std::move(outcome));
            courier->post([this, mine, kept] {
                if (mine != generation_) {
                    emit promptsWritten({}, tr("The engine went away. Ask again when it is back."));
                    return;
                }
                QStringList prompts;
                for (const std::string& prompt : kept->ok() ? kept->value() : std::vector<std::string>()) {
                    prompts << QString::fromStdString(prompt);
                }
                emit promptsWritten(prompts, kept->ok() ? QString() : QString::fromUtf8(kept->error().what()));
            });
        });
}

void RetrieveController::chooseQuerySet(const QString& id) {
    query_set_ = id;
    queries_.clear();
    emit queriesChanged();
    readQueries();
}

void RetrieveController::readQueries() {
    if (client() == nullptr || query_set_.isEmpty()) {
        return;
    }
    client()->queries(chosen_.toStdString(), query_set_.toStdString(),
                      carry<std::vector<client::RetrievalQuery>>([this, mine = opened_](const auto& queries) {
                          if (mine == opened_) {
                              queries_ = queries;
                              emit queriesChanged();
                          }
                      }));
}

void RetrieveController::saveQuery(const client::RetrievalQuery& query) {
    if (client() == nullptr || collection() == nullptr) {
        return;
    }
    const std::string set = query_set_.isEmpty() ? "own" : query_set_.toStdString();
    client()->addQuery(chosen_.toStdString(), set, query,
                       carry<std::vector<client::RetrievalQuery>>([this, set](const auto& queries) {
                           query_set_ = QString::fromStdString(set);
                           queries_ = queries;
                           emit queriesChanged();
                           refresh();
                       }));
}

void RetrieveController::readEvaluations() {
    if (client() == nullptr || collection() == nullptr) {
        return;
    }
    client()->evaluations(chosen_.toStdString(),
                          carry<std::vector<client::Evaluation>>([this, mine = opened_](const auto& evaluations) {
                              if (mine == opened_) {
                                  evaluations_ = evaluations;
                                  emit evaluationsChanged();
                              }
                          }));
}

// Megabytes: handed on as they came.
void RetrieveController::readEvaluationFile(const QString& record) {
    if (client() == nullptr || collection() == nullptr) {
        return;
    }
    client()->evaluationFile(
        chosen_.toStdString(), record.toStdString(),
        [courier = courier_, this, mine = opened_, record](client::Outcome<std::string> outcome) {
            const QString problem = outcome.ok() ? QString() : QString::fromUtf8(outcome.error().what());
            const auto file =
                outcome.ok() ? std::make_shared<const std::string>(std::move(outcome.value())) : nullptr;
            courier->post([this, mine, record, file, problem] {
                if (mine == opened_) {
                    emit evaluationFileRead(record, file, problem);
                }
            });
        });
}

void RetrieveController::evaluate(const QStringList& strategies, int nearest, bool leave_heads_out) {
    if (client() == nullptr || collection() == nullptr || query_set_.isEmpty()) {
        return;
    }
    client::EvaluationRequest request;
    request.query_set = query_set_.toStdString();
    request.strategies = toUtf8(strategies);
    if (!strategies.contains(QStringLiteral("standard"))) {
        request.strategies.insert(request.strategies.begin(), "standard"); // gains are over it
    }
    request.heads = place_;
    request.nearest = static_cast<std::size_t>(nearest);
    request.leave_heads_out = leave_heads_out;
    job_lived_ = true; // its end is noticed even when it comes before the next look
    client()->evaluate(chosen_.toStdString(), request,
                       carry<client::RetrievalJob>([this](const client::RetrievalJob& job) {
                           watched_.insert(job.id);
                           refresh();
                       }));
}

} // namespace fulgurite
